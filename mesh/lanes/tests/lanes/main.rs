//! Both sides of a connection, in memory, with a clock that does not run.

mod exchanges;
mod goodbye;
mod support;
mod violations;
mod windows;
mod writes;
