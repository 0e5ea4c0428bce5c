//! Judges a run from its evidence, and reports the verdict. Pure: nothing here does I/O or reads a clock.
//!
//! - [`mod@judge`]: one run → one [`Verdict`] per check, by the modules of `checks`, one per check of a scenario file
//! - [`mod@grade`]: a scenario's run and those of its controls → a [`Grade`]
//! - [`control`]: whether a control turned the right checks red, for the stated cause
//! - [`mod@tamper`]: spoils recorded evidence, as a control asks
//! - [`report`]: grades for a terminal, as JSON and as JUnit XML, and the journey of one request
//!
//! Below them: `evidence` (the witnesses' records, joined by request), `window` (parts of a run), `tally` (what happened
//! to how many requests) and `text` (numbers as people read them).

mod checks;
pub mod control;
mod evidence;
pub mod grade;
pub mod judge;
pub mod report;
mod tally;
pub mod tamper;
mod text;
pub mod verdict;
mod window;

pub use control::{ControlGrade, Shortcoming, grade_control};
pub use grade::{Grade, Observed, Outcome, Skips, exit_code, grade};
pub use judge::judge;
pub use tamper::tamper;
pub use verdict::Verdict;
