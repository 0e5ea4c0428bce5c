//! A seed fixes a run: that is checked, not hoped for.
//!
//! - [`scenarios`]: every scenario, twice in one process and once in another
//! - [`race`]: a planted race, which the search through seeds finds and each replay shows

mod race;
mod scenarios;
