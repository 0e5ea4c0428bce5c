//! The virtual ground.
