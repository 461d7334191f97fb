//! A source, and complaints about it in the form of upstream's `ERROR: <input>:1:5: …` with the line
//! and a caret. Source: cel-go `common/{error,errors,source}.go`.

/// Most characters of an expression.
pub const LONGEST: usize = 100_000;
/// Most complaints that are shown.
const SHOWN: usize = 100;
/// Longest line that is shown.
const SNIPPET: usize = 16_384;

/// What is wrong, and where (in characters).
#[derive(Clone, Debug, PartialEq)]
pub struct Issue {
    /// Offset into the source.
    pub at: usize,
    /// What is wrong.
    pub message: String,
}

/// All complaints about a source, as upstream prints them.
pub fn shown(source: &str, mut complaints: Vec<Issue>) -> String {
    let more = complaints.len().saturating_sub(SHOWN);
    complaints.truncate(SHOWN);
    complaints.sort_by_key(|c| c.at);
    let lines: Vec<&str> = source.split('\n').collect();
    let mut starts = Vec::with_capacity(lines.len());
    let mut at = 0;
    for line in &lines {
        starts.push(at);
        at += line.chars().count() + 1;
    }
    let mut texts: Vec<String> =
        complaints.iter().map(|complaint| one(complaint, &lines, &starts)).collect();
    if more > 0 {
        texts.push(format!("{more} more errors were truncated"));
    }
    texts.join("\n")
}

fn one(complaint: &Issue, lines: &[&str], starts: &[usize]) -> String {
    let line = starts.partition_point(|s| *s <= complaint.at).saturating_sub(1);
    let column = complaint.at - starts[line];
    let mut text = format!("ERROR: <input>:{}:{}: {}", line + 1, column + 1, complaint.message);
    if lines[line].len() <= SNIPPET {
        let snippet = lines[line].replace('\t', " ");
        let wide = |c: char| c.len_utf8() > 1;
        let dots = snippet.chars().take(column).map(|c| if wide(c) { '\u{ff0e}' } else { '.' });
        let dots: String = dots.collect();
        let caret = match snippet.chars().nth(column) {
            Some(c) if wide(c) => '\u{ff3e}',
            _ => '^',
        };
        text.push_str(&format!("\n | {snippet}\n | {dots}{caret}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_point_at_their_place() {
        let said = |at, message: &str| Issue { at, message: message.into() };
        let text = shown("self.z\n== 'ü'+q", vec![said(14, "second"), said(4, "first")]);
        let wanted = "ERROR: <input>:1:5: first\n | self.z\n | ....^\n\
            ERROR: <input>:2:8: second\n | == 'ü'+q\n | ....\u{ff0e}..^";
        assert_eq!(text, wanted);
    }
}
