//! What built pages refer to: every link leads somewhere, and nothing is loaded from outside.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

use crate::error::BookError;
use crate::files;

/// What a page has and what it points to.
struct Page {
    ids: BTreeSet<String>,
    references: Vec<Reference>,
}

/// An attribute that names something else.
struct Reference {
    /// The element.
    element: String,
    target: String,
}

/// Checks all pages in `directory`.
pub(crate) fn check(directory: &Path) -> Result<(), BookError> {
    let mut pages = BTreeMap::new();
    let files = files::below(directory).map_err(BookError::io("read", directory))?;
    // The page for wrong addresses is written for the root of a site.
    let is_page = |path: &PathBuf| files::ends_in(path, "html") && !path.ends_with("404.html");
    for path in files.into_iter().filter(is_page) {
        let text = fs::read_to_string(&path).map_err(BookError::io("read", &path))?;
        pages.insert(path, Page::read(&text));
    }
    let mut findings = BTreeSet::new();
    for (path, page) in &pages {
        let name = path.strip_prefix(directory).unwrap_or(path).display();
        let wrong = page
            .references
            .iter()
            .filter_map(|reference| reference.wrong(path, &pages));
        findings.extend(wrong.map(|wrong| format!("{name}: {wrong}")));
    }
    BookError::unless_empty(findings.into_iter().collect())
}

impl Page {
    fn read(text: &str) -> Self {
        let tag = Regex::new(r"(?s)<([a-zA-Z][a-zA-Z0-9]*)\s([^>]*)>").expect("it is well-formed");
        let attribute = Regex::new(r#"(?s)\b(id|href|src)="([^"]*)""#).expect("it is well-formed");
        let mut page = Self {
            ids: BTreeSet::new(),
            references: Vec::new(),
        };
        for tag in tag.captures_iter(text) {
            for attribute in attribute.captures_iter(&tag[2]) {
                let value = attribute[2].replace("&amp;", "&");
                match &attribute[1] {
                    "id" => drop(page.ids.insert(value)),
                    _ => page.references.push(Reference {
                        element: tag[1].to_ascii_lowercase(),
                        target: value,
                    }),
                }
            }
        }
        page
    }
}

impl Reference {
    /// What is wrong with it, on the page at `path`.
    fn wrong(&self, path: &Path, pages: &BTreeMap<PathBuf, Page>) -> Option<String> {
        let Self { element, target } = self;
        if target.starts_with("data:") || target.starts_with("mailto:") || target.starts_with("javascript:") {
            return None;
        }
        if target.contains("://") || target.starts_with("//") {
            // Who reads may follow a link to elsewhere; a page is complete without.
            return (element != "a").then(|| format!("<{element}> loads `{target}` from outside"));
        }
        let (file, fragment) = target.split_once('#').unwrap_or((target, ""));
        let file = file.split('?').next().unwrap_or_default();
        let there = match file {
            "" => path.to_owned(),
            file => resolved(&path.parent().unwrap_or(Path::new("")).join(file)),
        };
        if !there.exists() {
            return Some(format!("`{target}` leads nowhere"));
        }
        let page = pages.get(&there)?;
        let missing = !fragment.is_empty() && !page.ids.contains(fragment);
        missing.then(|| format!("`{target}`: that page has no place `#{fragment}`"))
    }
}

/// A path without `..`.
fn resolved(path: &Path) -> PathBuf {
    let mut resolved = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir => drop(resolved.pop()),
            part => resolved.push(part),
        }
    }
    resolved
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(pages: &[(&str, &str)]) -> Result<(), String> {
        let directory = tempfile::tempdir().expect("there is room");
        for (name, text) in pages {
            let path = directory.path().join(name);
            fs::create_dir_all(path.parent().expect("it is in the directory")).expect("there is room");
            fs::write(path, text).expect("there is room");
        }
        check(directory.path()).map_err(|error| error.to_string())
    }

    #[test]
    fn links_lead_to_pages_and_places_that_exist() {
        let other = (
            "deep/other.html",
            r#"<h2 class="x" id="here">Here</h2> <a href="../index.html">back</a>"#,
        );
        let with = |link: &str| checked(&[("index.html", &format!("<a\n href=\"{link}\">x</a>")), other]);
        for good in [
            "deep/other.html",
            "deep/other.html#here",
            "#",
            "https://example.org/",
            "mailto:a@example.org",
        ] {
            assert_eq!(with(good), Ok(()), "{good}");
        }
        for bad in ["gone.html", "deep/other.html#gone", "#gone", "other.html"] {
            let found = with(bad).expect_err(bad);
            assert!(
                found.starts_with("index.html: ") && found.contains(bad),
                "{found}"
            );
        }
    }

    #[test]
    fn a_page_loads_nothing_from_outside() {
        for bad in [
            r#"<script src="https://example.org/a.js"></script>"#,
            r#"<img alt="" src="//example.org/a.png">"#,
            r#"<link rel="stylesheet" href="http://example.org/a.css">"#,
        ] {
            let found = checked(&[("index.html", bad)]).expect_err(bad);
            assert!(found.contains("from outside"), "{found}");
        }
    }
}
