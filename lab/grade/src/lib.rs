//! Judges a run from its evidence, and reports the verdict.
