//! The `hallway` binary.
fn main() {}
