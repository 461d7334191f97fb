//! Patterns with `*`, `?` and `[…]`: for names of files, `case` and `${NAME#…}`.

/// One step of a pattern.
#[derive(Debug, Clone, PartialEq)]
pub enum Glob {
    /// This character.
    One(char),
    /// Any character.
    Any,
    /// Any number of characters.
    Many,
    /// One of these ranges, or (true) none of them.
    Set(bool, Vec<(char, char)>),
}

/// A pattern.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pattern(pub Vec<Glob>);

impl Pattern {
    /// Adds text in which the special characters mean something.
    pub fn bare(&mut self, text: &str) {
        let chars: Vec<char> = text.chars().collect();
        let mut i = 0;
        while i < chars.len() {
            match chars[i] {
                '*' => self.0.push(Glob::Many),
                '?' => self.0.push(Glob::Any),
                '\\' if i + 1 < chars.len() => {
                    i += 1;
                    self.0.push(Glob::One(chars[i]));
                }
                '[' => match set(&chars[i..]) {
                    Some((step, length)) => {
                        self.0.push(step);
                        i += length - 1;
                    }
                    None => self.0.push(Glob::One('[')),
                },
                c => self.0.push(Glob::One(c)),
            }
            i += 1;
        }
    }

    /// Adds text as it is.
    pub fn quoted(&mut self, text: &str) {
        self.0.extend(text.chars().map(Glob::One));
    }

    /// A pattern of bare text.
    pub fn of(text: &str) -> Pattern {
        let mut pattern = Pattern::default();
        pattern.bare(text);
        pattern
    }

    /// Whether anything in it is special.
    pub fn is_special(&self) -> bool {
        self.0.iter().any(|s| !matches!(s, Glob::One(_)))
    }

    /// Whether the whole text matches. Takes at most as many steps as both lengths multiplied.
    pub fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        self.fits(&text)
    }

    /// The same for characters.
    pub fn fits(&self, text: &[char]) -> bool {
        let (steps, mut p, mut t) = (&self.0, 0, 0);
        let mut retry: Option<(usize, usize)> = None;
        loop {
            if p < steps.len() && steps[p] == Glob::Many {
                retry = Some((p + 1, t));
                p += 1;
            } else if p < steps.len() && t < text.len() && steps[p].takes(text[t]) {
                (p, t) = (p + 1, t + 1);
            } else if p == steps.len() && t == text.len() {
                return true;
            } else if let Some((after, from)) = retry.filter(|(_, from)| *from < text.len()) {
                (p, t, retry) = (after, from + 1, Some((after, from + 1)));
            } else {
                return false;
            }
        }
    }

    /// Cut at slashes, for walking through directories.
    pub fn parts(&self) -> Vec<Pattern> {
        self.0.split(|s| *s == Glob::One('/')).map(|s| Pattern(s.to_vec())).collect()
    }

    /// The text of a pattern in which nothing is special.
    pub fn text(&self) -> String {
        let plain = |s: &Glob| match s {
            Glob::One(c) => Some(*c),
            _ => None,
        };
        self.0.iter().filter_map(plain).collect()
    }
}

impl Glob {
    fn takes(&self, c: char) -> bool {
        match self {
            Glob::One(own) => *own == c,
            Glob::Any => true,
            Glob::Many => false,
            Glob::Set(not, ranges) => ranges.iter().any(|(a, b)| (*a..=*b).contains(&c)) != *not,
        }
    }
}

/// `[…]` at the start, and its length; `None` when it is not closed.
fn set(text: &[char]) -> Option<(Glob, usize)> {
    let mut i = 1;
    let not = matches!(text.get(i), Some('!' | '^'));
    i += usize::from(not);
    let (first, mut ranges) = (i, Vec::new());
    loop {
        let c = *text.get(i)?;
        if c == ']' && i > first {
            return Some((Glob::Set(not, ranges), i + 1));
        }
        if c == '['
            && text.get(i + 1) == Some(&':')
            && let Some((class, length)) = class(&text[i..])
        {
            ranges.extend(class);
            i += length;
        } else if text.get(i + 1) == Some(&'-') && text.get(i + 2).is_some_and(|c| *c != ']') {
            ranges.push((c, text[i + 2]));
            i += 3;
        } else {
            ranges.push((c, c));
            i += 1;
        }
    }
}

/// `[:name:]` and its length.
pub fn class(text: &[char]) -> Option<(&'static [(char, char)], usize)> {
    let end = text.windows(2).position(|w| w == [':', ']'])?;
    let name: String = text.get(2..end)?.iter().collect();
    let ranges: &[(char, char)] = match name.as_str() {
        "alpha" => &[('a', 'z'), ('A', 'Z')],
        "digit" => &[('0', '9')],
        "alnum" => &[('a', 'z'), ('A', 'Z'), ('0', '9')],
        "upper" => &[('A', 'Z')],
        "lower" => &[('a', 'z')],
        "space" => &[(' ', ' '), ('\t', '\r')],
        "blank" => &[(' ', ' '), ('\t', '\t')],
        "punct" => &[('!', '/'), (':', '@'), ('[', '`'), ('{', '~')],
        "xdigit" => &[('0', '9'), ('a', 'f'), ('A', 'F')],
        _ => return None,
    };
    Some((ranges, end + 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_texts() {
        let rows = [
            ("*", "", true),
            ("a*c", "abbc", true),
            ("a*c", "abbd", false),
            ("?", "ä", true),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[]x]", "]", true),
            ("[[:digit:]]*", "7up", true),
            ("[", "[", true),
            ("*.tar.*", "a.tar.gz", true),
            ("\\*", "x", false),
        ];
        for (pattern, text, expected) in rows {
            assert_eq!(Pattern::of(pattern).matches(text), expected, "{pattern} {text}");
        }
        let long = "a".repeat(5000);
        assert!(!Pattern::of(&format!("{}b", "a*".repeat(50))).matches(&long));
    }
}
