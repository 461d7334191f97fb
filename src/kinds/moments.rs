//! Cells that change as time goes by: what a cell function sees of the present, and texts in which
//! the ages are left open, to be filled in at every moment without looking at the object again.

use crate::object::{duration, time};
use jiff::{SignedDuration, Timestamp};
use std::cell::RefCell;

/// How a stretch of time is told.
pub type Words = fn(SignedDuration) -> String;

/// What a cell function may look at besides the object.
pub struct CellCx {
    now: Timestamp,
    /// The moments ages count from, when they are left open.
    open: Option<RefCell<Vec<Moment>>>,
}

/// A moment, and how the time since then is told.
type Moment = (Timestamp, Words);

/// Stands at both ends of the number of a moment: a character that Unicode gives to nobody.
const MARK: char = '\u{10FFFF}';

impl CellCx {
    /// Ages are those of this moment.
    pub fn at(now: Timestamp) -> CellCx {
        CellCx { now, open: None }
    }

    /// Time since the moment written in `text`, `<unknown>` when it is not a time.
    pub fn age(&self, text: &str) -> String {
        time::parse(text).map_or_else(|| "<unknown>".into(), |t| self.since(t, duration::human))
    }

    /// Time since a moment.
    pub fn since(&self, moment: Timestamp, words: Words) -> String {
        let Some(open) = &self.open else { return words(self.now.duration_since(moment)) };
        let mut moments = open.borrow_mut();
        moments.push((moment, words));
        format!("{MARK}{}{MARK}", moments.len() - 1)
    }
}

/// A text whose ages are left open.
pub struct Template {
    text: Box<[u8]>,
    /// Where which age goes, in order.
    holes: Box<[(u32, Moment)]>,
}

impl Template {
    /// Of what `write` writes; `None` when it looks as if it had been written in marks.
    pub fn of(write: impl FnOnce(&CellCx) -> Vec<u8>) -> Option<Template> {
        let cx = CellCx { now: Timestamp::UNIX_EPOCH, open: Some(RefCell::default()) };
        let written = write(&cx);
        let moments = cx.open.map(RefCell::into_inner).unwrap_or_default();
        let mut mark = [0; 4];
        let mark = MARK.encode_utf8(&mut mark).as_bytes();
        let (mut text, mut holes) = (Vec::with_capacity(written.len()), Vec::new());
        let mut rest = written.as_slice();
        while let Some(at) = find(rest, mark) {
            text.extend_from_slice(&rest[..at]);
            rest = &rest[at + mark.len()..];
            let end = find(rest, mark)?;
            let number: usize = std::str::from_utf8(&rest[..end]).ok()?.parse().ok()?;
            holes.push((text.len() as u32, *moments.get(number)?));
            rest = &rest[end + mark.len()..];
        }
        text.extend_from_slice(rest);
        let once = holes.len() == moments.len();
        once.then(|| Template { text: text.into(), holes: holes.into() })
    }

    /// Writes the text as it is at a moment. Ages are letters, digits and brackets, which stand in
    /// JSON strings as they are.
    pub fn fill(&self, out: &mut Vec<u8>, now: Timestamp) {
        let mut from = 0;
        for (at, (moment, words)) in &self.holes {
            out.extend_from_slice(&self.text[from..*at as usize]);
            out.extend_from_slice(words(now.duration_since(*moment)).as_bytes());
            from = *at as usize;
        }
        out.extend_from_slice(&self.text[from..]);
    }
}

fn find(text: &[u8], mark: &[u8]) -> Option<usize> {
    let mut from = 0;
    while let Some(at) = text[from..].iter().position(|b| *b == mark[0]) {
        if text[from + at..].starts_with(mark) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn filled(template: &Template, now: &str) -> String {
        let mut out = Vec::new();
        template.fill(&mut out, at(now));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn ages_are_filled_in() {
        let cells = |cx: &CellCx| {
            let ended = cx.since(at("2026-01-01T00:00:10Z"), duration::words);
            format!("é {} ({ended} ago) {}", cx.age("2026-01-01T00:00:00Z"), cx.age("never"))
        };
        let template = Template::of(|cx| cells(cx).into_bytes()).unwrap();
        for now in ["2026-01-01T00:00:11Z", "2026-01-02T00:00:00Z", "2025-01-01T00:00:00Z"] {
            assert_eq!(filled(&template, now), cells(&CellCx::at(at(now))));
        }
    }

    #[test]
    fn texts_with_marks_of_their_own_have_no_template() {
        let one = |text: &str| Template::of(|_| text.into()).is_none();
        assert!(one("a\u{10FFFF}0\u{10FFFF}"));
        assert!(one("\u{10FFFF}"));
        assert!(one("\u{10FFFF}x\u{10FFFF}"));
        assert!(!one("\u{10FFFE}"));
        let both = |cx: &CellCx| format!("\u{10FFFF}0\u{10FFFF}{}", cx.age("2026-01-01T00:00:00Z"));
        assert!(Template::of(|cx| both(cx).into_bytes()).is_none());
        let dropped = |cx: &CellCx| drop(cx.age("2026-01-01T00:00:00Z"));
        let none = Template::of(|cx| {
            dropped(cx);
            Vec::new()
        });
        assert!(none.is_none());
    }
}
