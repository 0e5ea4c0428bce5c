//! Runs a scenario on a ground and returns what the witnesses observed.
