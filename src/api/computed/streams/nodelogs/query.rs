//! What of a journal is asked for. Source: kubelet `pkg/kubelet/kubelet_server_journal.go`, and
//! `journalctl`, which it runs.

use super::journal::{JournalLine, UNITS};
use crate::{
    error::Causes,
    object::{json, time},
};
use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::TimeZone};
use regex::{Regex, RegexBuilder};

/// Most services of one question.
const MOST_SERVICES: usize = 30;
/// Most lines from the end.
const MOST_LINES: i64 = 100_000;
/// Ways to show lines.
const FORMATS: [&str; 7] =
    ["cat", "json", "short", "short-iso", "short-iso-precise", "short-precise", "short-unix"];
/// Largest compiled pattern.
const PATTERN: usize = 1 << 20;

const DATE: &str = "date must be a relative time of the form '(+|-)[0-9]+(s|m|h|d)' or a date in \
                    'YYYY-MM-DD HH:MM:SS' form";

/// A question.
pub struct JournalQuery {
    /// Units, or all.
    units: Vec<String>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    tail: Option<usize>,
    /// Which start of the node: 0 is the present one.
    pub boot: i64,
    pattern: Option<Regex>,
    format: String,
}

impl JournalQuery {
    /// Reads a question from a query string.
    ///
    /// # Errors
    /// What is wrong with it, as the kubelet says it.
    pub fn read(text: &str, now: Timestamp) -> Result<JournalQuery, String> {
        let all: Vec<(String, String)> =
            url::form_urlencoded::parse(text.as_bytes()).into_owned().collect();
        let one = |name: &str| {
            let found = all.iter().find(|(n, v)| n == name && !v.is_empty());
            found.map_or("", |(_, v)| v.as_str())
        };
        let either = |a: &str, b: &str| {
            if one(a).is_empty() { one(b).to_owned() } else { one(a).to_owned() }
        };
        let mut out = Causes::default();
        let mut units: Vec<String> = Vec::new();
        let named = || all.iter().filter(|(n, _)| n == "unit" || n == "query");
        for (_, unit) in named().filter(|(_, u)| !u.trim().is_empty()) {
            let unit = unit.trim_end_matches(".service").to_owned();
            if !units.contains(&unit) {
                units.push(unit);
            }
        }
        if named().next().is_some() && units.is_empty() {
            out.invalid("unit", &json!([""]), "unit cannot be empty");
        }
        if units.len() > MOST_SERVICES {
            out.invalid("query", &json!(units.len()), "too many services");
        }
        let mut number = |field: &str,
                          text: &str,
                          allowed: std::ops::RangeInclusive<i64>,
                          why: &str| match text.parse::<i64>() {
            _ if text.is_empty() => None,
            Ok(n) if allowed.contains(&n) => Some(n),
            Ok(n) => {
                out.invalid(field, &json!(n), why);
                None
            }
            Err(_) => {
                let why = format!("strconv.Atoi: parsing {text:?}: invalid syntax");
                out.invalid(field, &json!(text), why);
                None
            }
        };
        let range = "must be between 0 and 100000, inclusive";
        let tail = number("tailLines", &either("tailLines", "tail"), 0..=MOST_LINES, range);
        let boot = number("boot", one("boot"), i64::MIN..=0, "must be less than 1").unwrap_or(0);
        let pattern =
            pattern(&either("pattern", "grep"), one("case-sensitive") == "true", &mut out);
        let mut moment = |field: &str| match one(field) {
            "" => None,
            text => date(text, now).or_else(|| {
                out.invalid(field, &json!(text), DATE);
                None
            }),
        };
        let (since, until) = (moment("since"), moment("until"));
        let format = one("output").to_owned();
        if !format.is_empty() && !FORMATS.contains(&format.as_str()) {
            out.unsupported("output", &json!(format), &FORMATS);
        }
        if !out.is_empty() {
            let said = out.0.iter().map(|c| format!("{}: {}", c.field, c.message));
            let said: Vec<String> = said.collect();
            return Err(if said.len() == 1 {
                said.concat()
            } else {
                format!("[{}]", said.join(", "))
            });
        }
        let tail = tail.and_then(|n| usize::try_from(n).ok());
        Ok(JournalQuery { units, since, until, tail, boot, pattern, format })
    }

    /// The services that do not write to the journal.
    pub fn strangers(&self) -> impl Iterator<Item = &str> {
        self.units.iter().map(String::as_str).filter(|u| !UNITS.contains(u))
    }

    /// The lines that are asked for, as they are shown.
    pub fn shown(&self, node: &str, journal: &[JournalLine]) -> String {
        let wanted = |line: &&JournalLine| {
            (self.units.is_empty() || self.units.iter().any(|u| u == line.unit))
                && self.since.is_none_or(|at| line.at >= at)
                && self.until.is_none_or(|at| line.at <= at)
                && self.pattern.as_ref().is_none_or(|p| p.is_match(&line.text))
        };
        let found: Vec<&JournalLine> = journal.iter().filter(wanted).collect();
        if found.is_empty() {
            return "-- No entries --\n".into();
        }
        let skipped = self.tail.map_or(0, |n| found.len().saturating_sub(n));
        found[skipped..].iter().map(|line| self.line(node, line) + "\n").collect()
    }

    fn line(&self, node: &str, line: &JournalLine) -> String {
        let JournalLine { at, program, pid, text, unit } = line;
        let stamp = match self.format.as_str() {
            "cat" => return text.clone(),
            "json" => {
                let micros = at.as_microsecond().to_string();
                return json!({"__REALTIME_TIMESTAMP": micros, "_HOSTNAME": node,
                    "SYSLOG_IDENTIFIER": program, "_PID": pid.to_string(),
                    "_SYSTEMD_UNIT": format!("{unit}.service"), "MESSAGE": text})
                .to_string();
            }
            "short" => at.strftime("%b %d %H:%M:%S").to_string(),
            "short-iso" => at.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string(),
            "short-iso-precise" => at.strftime("%Y-%m-%dT%H:%M:%S%.6f+00:00").to_string(),
            "short-unix" => {
                format!("{}.{:06}", at.as_second(), at.subsec_microsecond())
            }
            _ => at.strftime("%b %d %H:%M:%S%.6f").to_string(),
        };
        format!("{stamp} {node} {program}[{pid}]: {text}")
    }
}

fn pattern(text: &str, exact: bool, out: &mut Causes) -> Option<Regex> {
    if text.is_empty() {
        return None;
    }
    match RegexBuilder::new(text).case_insensitive(!exact).size_limit(PATTERN).build() {
        Ok(pattern) => Some(pattern),
        Err(why) => {
            let why = why.to_string();
            let last = why.lines().last().unwrap_or_default().trim_start_matches("error: ");
            out.invalid("pattern", &json!(text), format!("error parsing regexp: {last}"));
            None
        }
    }
}

/// A moment: some time before or after now, or a date.
fn date(text: &str, now: Timestamp) -> Option<Timestamp> {
    if let Some(offset) = relative(text) {
        return now.checked_add(offset).ok();
    }
    if let Some(at) = time::parse(text) {
        return Some(at);
    }
    let whole =
        if text.contains(' ') { text.replacen(' ', "T", 1) } else { format!("{text}T00:00:00") };
    whole.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok().map(|z| z.timestamp())
}

fn relative(text: &str) -> Option<SignedDuration> {
    let unit = match text.chars().last()? {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return None,
    };
    let amount: i64 = text[..text.len() - 1].parse().ok()?;
    amount.checked_mul(unit).map(SignedDuration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_767_322_980 + seconds).unwrap()
    }

    fn journal() -> Vec<JournalLine> {
        let line = |n: i64, unit, program, text: &str| JournalLine {
            at: at(n),
            unit,
            program,
            pid: 7,
            text: text.into(),
        };
        vec![
            line(0, "init.scope", "systemd", "Starting"),
            line(5, "crio", "crio", "Pulled"),
            line(10, "kubelet", "kubenswrapper", "SyncLoop ADD"),
        ]
    }

    #[test]
    fn what_is_asked_for_is_shown() {
        let shown = |query: &str| match JournalQuery::read(query, at(12)) {
            Ok(query) => query.shown("n", &journal()),
            Err(why) => why,
        };
        let add = "Jan 02 03:03:10.000000 n kubenswrapper[7]: SyncLoop ADD\n";
        let rows = [
            ("unit=kubelet&query=kubelet", add),
            ("unit=kubelet.service", add),
            ("grep=syncloop&pattern=syncloop&case-sensitive=false", add),
            ("pattern=syncloop&case-sensitive=true", "-- No entries --\n"),
            ("tail=1&tailLines=1", add),
            ("since=-5s", add),
            ("since=2026-01-02+03:03:06", add),
            ("until=2026-01-01", "-- No entries --\n"),
            ("unit=crio&output=cat", "Pulled\n"),
            ("unit=crio&output=short-unix", "1767322985.000000 n crio[7]: Pulled\n"),
            (
                "since=soon",
                "since: Invalid value: \"soon\": date must be a relative time of the form '(+|-)[0-9]+(s|m|h|d)' or a date in 'YYYY-MM-DD HH:MM:SS' form",
            ),
            ("unit=+", "unit: Invalid value: [\"\"]: unit cannot be empty"),
            ("boot=1", "boot: Invalid value: 1: must be less than 1"),
            (
                "tail=x",
                "tailLines: Invalid value: \"x\": strconv.Atoi: parsing \"x\": invalid syntax",
            ),
        ];
        for (query, expected) in rows {
            assert_eq!(shown(query), expected, "{query}");
        }
        assert_eq!(shown("").lines().count(), 3);
    }
}
