//! Tables, sizes and ages as the client prints them. Source: Go's `text/tabwriter` with minimum
//! width 20 and padding 3, and `docker/go-units`.

use crate::object::duration;
use jiff::SignedDuration;

/// Columns.
pub struct Table(Vec<Vec<String>>);

const LEAST: usize = 20;
const PADDING: usize = 3;

impl Table {
    /// A table with its titles.
    pub fn new(titles: &[&str]) -> Table {
        Table(vec![titles.iter().map(|t| (*t).to_owned()).collect()])
    }

    /// Adds a row.
    pub fn row(&mut self, cells: Vec<String>) {
        self.0.push(cells);
    }

    /// The text. Every cell but the last of a row is filled up.
    pub fn text(&self) -> String {
        let width = |i: usize| {
            let cells = self.0.iter().filter(|r| i + 1 < r.len()).map(|r| r[i].chars().count());
            (cells.max().unwrap_or(0) + PADDING).max(LEAST)
        };
        let mut out = String::new();
        for row in &self.0 {
            for (i, cell) in row.iter().enumerate() {
                out.push_str(cell);
                if i + 1 < row.len() {
                    out.push_str(&" ".repeat(width(i) - cell.chars().count()));
                }
            }
            out.push('\n');
        }
        out
    }
}

/// `4.49MB`: decimal units with so many digits.
pub fn size(bytes: u64, digits: usize) -> String {
    const UNITS: &[&str] = &["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    let (mut value, mut unit) = (bytes as f64, 0);
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{}{}", general(value, digits), UNITS[unit])
}

/// `%.3g`
fn general(value: f64, digits: usize) -> String {
    if value == 0.0 {
        return "0".into();
    }
    let scientific = format!("{value:.*e}", digits - 1);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let short = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    if exponent >= digits as i32 {
        return format!("{}e+{exponent:02}", short(mantissa));
    }
    short(&format!("{value:.*}", (digits as i32 - 1 - exponent).max(0) as usize))
}

/// `About an hour`
pub fn age(seconds: i64) -> String {
    duration::words(SignedDuration::from_secs(seconds))
}

/// The first 13 digits of an ID.
pub fn short(id: &str) -> String {
    id.strip_prefix("sha256:").unwrap_or(id).chars().take(13).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_three_digits() {
        let rows = [
            (0, "0B"),
            (742_784, "743kB"),
            (4_493_213, "4.49MB"),
            (334_276_608, "334MB"),
            (1_000_000, "1MB"),
            (1_120_000_000, "1.12GB"),
            (999_600, "1e+03kB"),
        ];
        for (bytes, text) in rows {
            assert_eq!(size(bytes, 3), text);
        }
        assert_eq!(size(12_345_678, 4), "12.35MB");
    }

    #[test]
    fn ages_are_rounded() {
        let rows = [
            (0, "Less than a second"),
            (59, "59 seconds"),
            (61, "About a minute"),
            (3599, "59 minutes"),
            (3600, "About an hour"),
            (7200, "2 hours"),
            (86400 * 3, "3 days"),
            (86400 * 21, "3 weeks"),
        ];
        for (seconds, text) in rows {
            assert_eq!(age(seconds), text, "{seconds}");
        }
    }

    #[test]
    fn columns_are_as_wide_as_their_cells() {
        let mut table = Table::new(&["IMAGE", "SIZE"]);
        table.row(vec!["a".repeat(30), "1MB".into()]);
        let expected = format!("IMAGE{}SIZE\n{}   1MB\n", " ".repeat(28), "a".repeat(30));
        assert_eq!(table.text(), expected);
    }
}
