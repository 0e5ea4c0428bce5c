//! The commands, one file each.

pub(crate) mod check;
pub(crate) mod grade;
pub(crate) mod list;
pub(crate) mod run;
pub(crate) mod show;
