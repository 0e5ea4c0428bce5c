//! The commands, one file each.

pub(crate) mod bench;
pub(crate) mod book;
pub(crate) mod check;
pub(crate) mod check_lessons;
pub(crate) mod doctor;
pub(crate) mod explore;
pub(crate) mod grade;
pub(crate) mod learn;
pub(crate) mod list;
pub(crate) mod new;
pub(crate) mod replay;
pub(crate) mod run;
pub(crate) mod show;
pub(crate) mod up;
