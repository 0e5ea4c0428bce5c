//! What the grader makes of evidence that was built by hand: for every check what is green, what is red for each of its
//! causes, and that silence is red.

mod calls;
mod certificates;
mod client;
mod comparison;
mod controls;
mod effects;
mod faults;
mod first_calls;
mod footprint;
mod journey;
mod ledger;
mod pushes;
mod reports;
mod shares;
mod support;
mod tampering;
mod telemetry;
mod wire;
