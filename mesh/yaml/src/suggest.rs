//! "Did you mean", and lists in prose.

/// The candidate nearest to `written`, if one is near enough to be what was meant.
pub fn closest<'a>(written: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lowered = written.to_lowercase();
    let scored = candidates.into_iter().map(|candidate| {
        (
            strsim::jaro_winkler(&lowered, &candidate.to_lowercase()),
            candidate,
        )
    });
    let best = scored.fold(None, |best: Option<(f64, &str)>, next| match best {
        Some(best) if best.0 >= next.0 => Some(best),
        _ => Some(next),
    });
    best.filter(|(score, _)| *score > 0.8)
        .map(|(_, candidate)| candidate)
}

/// `` did you mean `x`? ``, if a candidate is near.
pub fn did_you_mean<'a>(written: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    closest(written, candidates).map(|candidate| format!("did you mean `{candidate}`?"))
}

/// `` `a`, `b` and `c` ``
pub fn all_of<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    in_prose(names.into_iter().map(|name| format!("`{name}`")), "and")
}

/// `` `a`, `b` or `c` ``
pub fn one_of<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    in_prose(names.into_iter().map(|name| format!("`{name}`")), "or")
}

/// `a, b <conjunction> c`
pub(crate) fn in_prose(items: impl IntoIterator<Item = String>, conjunction: &str) -> String {
    let mut items: Vec<String> = items.into_iter().collect();
    match items.pop() {
        None => "nothing".to_owned(),
        Some(only) if items.is_empty() => only,
        Some(last) => format!("{} {conjunction} {last}", items.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_suggested_and_far_ones_are_not() {
        let fields = ["attempts", "backoff", "codes"];
        assert_eq!(closest("attemps", fields), Some("attempts"));
        assert_eq!(closest("Backof", fields), Some("backoff"));
        assert_eq!(closest("timeout", fields), None);
        assert_eq!(closest("x", []), None);
    }

    #[test]
    fn lists_read_as_prose() {
        assert_eq!(all_of(["a", "b", "c"]), "`a`, `b` and `c`");
        assert_eq!(one_of(["a", "b"]), "`a` or `b`");
        assert_eq!(one_of(["a"]), "`a`");
        assert_eq!(one_of([]), "nothing");
    }
}
