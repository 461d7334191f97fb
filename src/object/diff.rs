//! What differs between two texts, line by line, as upstream's errors show it.
//!
//! Source: github.com/pmezard/go-difflib (`UnifiedDiff` with three lines of context), which takes the
//! longest run of equal lines first and then looks on both sides of it.

/// Lines of context around what differs.
const CONTEXT: usize = 3;
/// Most lines that are held against each other: the work is their product.
const MOST: usize = 200;

/// A run of lines: from where to where in the first text, and in the second.
#[derive(Clone, Copy)]
struct Run {
    equal: bool,
    a: (usize, usize),
    b: (usize, usize),
}

/// The unified difference of two texts; empty when they are equal.
pub fn unified(a: &str, b: &str) -> String {
    let (a, b): (Vec<&str>, Vec<&str>) =
        (a.split('\n').take(MOST).collect(), b.split('\n').take(MOST).collect());
    let mut blocks = Vec::new();
    blocks_between(&a, &b, (0, a.len()), (0, b.len()), &mut blocks);
    let mut out = String::new();
    for group in groups(&runs(&blocks, a.len(), b.len())) {
        let (Some(first), Some(last)) = (group.first(), group.last()) else { continue };
        let (was, is) = (range(first.a.0, last.a.1), range(first.b.0, last.b.1));
        out.push_str(&format!("@@ -{was} +{is} @@\n"));
        for run in group {
            if run.equal {
                lines(&mut out, ' ', &a[run.a.0..run.a.1]);
            } else {
                lines(&mut out, '-', &a[run.a.0..run.a.1]);
                lines(&mut out, '+', &b[run.b.0..run.b.1]);
            }
        }
    }
    out
}

fn lines(out: &mut String, mark: char, lines: &[&str]) {
    for line in lines {
        out.push(mark);
        out.push_str(line);
        out.push('\n');
    }
}

fn range(start: usize, stop: usize) -> String {
    match stop - start {
        0 => format!("{start},0"),
        1 => (start + 1).to_string(),
        length => format!("{},{length}", start + 1),
    }
}

/// The longest run of equal lines, the earliest of several, and those on both sides of it.
fn blocks_between(
    a: &[&str],
    b: &[&str],
    (alo, ahi): (usize, usize),
    (blo, bhi): (usize, usize),
    out: &mut Vec<(usize, usize, usize)>,
) {
    let (mut at, mut longest) = ((alo, blo), 0);
    // Lengths of the runs that end at the line before, by line of the second text.
    let mut before = vec![0; bhi - blo + 1];
    for (i, line) in a.iter().enumerate().take(ahi).skip(alo) {
        let mut now = vec![0; bhi - blo + 1];
        for j in blo..bhi {
            if *line == b[j] {
                let length = before[j - blo] + 1;
                now[j - blo + 1] = length;
                if length > longest {
                    (at, longest) = ((i + 1 - length, j + 1 - length), length);
                }
            }
        }
        before = now;
    }
    if longest == 0 {
        return;
    }
    blocks_between(a, b, (alo, at.0), (blo, at.1), out);
    out.push((at.0, at.1, longest));
    blocks_between(a, b, (at.0 + longest, ahi), (at.1 + longest, bhi), out);
}

fn runs(blocks: &[(usize, usize, usize)], a: usize, b: usize) -> Vec<Run> {
    let (mut i, mut j, mut out) = (0, 0, Vec::<Run>::new());
    for &(x, y, length) in blocks.iter().chain([&(a, b, 0)]) {
        if i < x || j < y {
            out.push(Run { equal: false, a: (i, x), b: (j, y) });
        }
        (i, j) = (x + length, y + length);
        match out.last_mut().filter(|run| run.equal && run.a.1 == x && run.b.1 == y) {
            Some(run) => (run.a.1, run.b.1) = (i, j),
            None if length > 0 => out.push(Run { equal: true, a: (x, i), b: (y, j) }),
            None => {}
        }
    }
    out
}

/// What differs, with its context; what is far apart stands in groups of its own.
fn groups(runs: &[Run]) -> Vec<Vec<Run>> {
    if runs.iter().all(|r| r.equal) {
        return Vec::new();
    }
    let (mut out, mut group) = (Vec::new(), Vec::new());
    for (n, run) in runs.iter().enumerate() {
        if !run.equal {
            group.push(*run);
            continue;
        }
        let length = run.a.1 - run.a.0;
        let tail = length.min(CONTEXT);
        let head = Run { a: (run.a.0, run.a.0 + tail), b: (run.b.0, run.b.0 + tail), ..*run };
        let next = Run { a: (run.a.1 - tail, run.a.1), b: (run.b.1 - tail, run.b.1), ..*run };
        if n == 0 {
            group.push(next);
        } else if n + 1 == runs.len() {
            group.push(head);
        } else if length > 2 * CONTEXT {
            group.push(head);
            out.push(std::mem::take(&mut group));
            group.push(next);
        } else {
            group.push(*run);
        }
    }
    out.push(group);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_differ_and_their_context() {
        let rows = [
            ("a\nb", "a\nb", ""),
            ("a\nb\nc\nd\ne\nf", "a\nb\nc\nd\nX\nf", "@@ -2,5 +2,5 @@\n b\n c\n d\n-e\n+X\n f\n"),
            ("a", "b", "@@ -1 +1 @@\n-a\n+b\n"),
            ("a\nb", "a", "@@ -1,2 +1 @@\n a\n-b\n"),
            (
                "x\n1\n2\n3\n4\n5\n6\n7\ny",
                "X\n1\n2\n3\n4\n5\n6\n7\nY",
                "@@ -1,4 +1,4 @@\n-x\n+X\n 1\n 2\n 3\n@@ -6,4 +6,4 @@\n 5\n 6\n 7\n-y\n+Y\n",
            ),
        ];
        for (a, b, expected) in rows {
            assert_eq!(unified(a, b), expected, "{a:?} {b:?}");
        }
    }
}
