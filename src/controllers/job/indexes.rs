//! Sets of completion indexes and their text, e.g. `0-2,4,6-8`.
//! Source: `pkg/controller/job/indexed_job_utils.go`.

use std::collections::BTreeSet;

/// Annotation and label with the completion index of a pod.
pub(super) const INDEX: &str = "batch.kubernetes.io/job-completion-index";

/// A set of completion indexes.
pub(super) type Indexes = BTreeSet<i64>;

/// Reads the text, leaving out what is not below `completions`.
pub(super) fn parse(text: &str, completions: i64) -> Indexes {
    let mut out = Indexes::new();
    for part in text.split(',').filter(|p| !p.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        if let (Ok(first), Ok(last)) = (first.parse::<i64>(), last.parse::<i64>()) {
            out.extend(first..=last.min(completions - 1));
        }
    }
    out
}

/// Writes the text. Two neighbours are listed, three or more become a range.
pub(super) fn print(indexes: &Indexes) -> String {
    let mut runs: Vec<(i64, i64)> = Vec::new();
    for &i in indexes {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == i => *last = i,
            _ => runs.push((i, i)),
        }
    }
    let text = |(first, last): &(i64, i64)| match last - first {
        0 => first.to_string(),
        1 => format!("{first},{last}"),
        _ => format!("{first}-{last}"),
    };
    runs.iter().map(text).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_sets() {
        let rows = [
            ("", ""),
            ("0", "0"),
            ("0,1", "0,1"),
            ("0-2", "0-2"),
            ("0-2,4,6-8", "0-2,4,6-8"),
            ("0,1,2,4", "0-2,4"),
            ("3,1-2", "1-3"),
            ("0-99", "0-9"),
        ];
        for (text, printed) in rows {
            assert_eq!(print(&parse(text, 10)), printed, "{text}");
        }
    }
}
