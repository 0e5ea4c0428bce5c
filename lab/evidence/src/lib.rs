//! What the witnesses of a run saw. Data only.
