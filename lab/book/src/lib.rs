//! The book (`book/`), built and served with mdBook as a library.
//!
//! | module | concept |
//! | --- | --- |
//! | `build` | from the sources to pages, or to everything that is wrong with them |
//! | [`blocks`] | the fenced blocks of a chapter: commands, rules, quizzes |
//! | `quiz` | quizzes: what an author writes, and what a page shows |
//! | `includes` | excerpts: their files and anchors have to exist |
//! | `pages` | what the built pages refer to: nothing dead, and nothing outside |
//! | `files` | the files below a directory |
//! | [`serve`] | the pages on loopback, built anew when something changes |

pub mod blocks;
mod build;
mod error;
mod files;
mod includes;
mod pages;
mod quiz;
pub mod serve;

pub use build::{Built, Chapter, build, chapters};
pub use error::BookError;
