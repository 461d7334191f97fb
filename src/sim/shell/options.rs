//! Command line options as `getopt` reads them.

/// What was given.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Options {
    /// Options in order, with their values.
    flags: Vec<(char, String)>,
    /// The other arguments.
    pub rest: Vec<String>,
}

/// What options a command has: `"n:v"` are letters, one with a value; long names stand for
/// letters.
pub struct Known {
    /// Letters; a colon after one that takes a value.
    pub letters: &'static str,
    /// Long names and their letters.
    pub long: &'static [(&'static str, char)],
    /// Whether options end at the first argument that is none (`env`, `xargs`).
    pub strict: bool,
}

/// Why options cannot be read, in the words of GNU programs.
pub type Problem = String;

impl Known {
    /// Letters only.
    pub const fn letters(letters: &'static str) -> Known {
        Known { letters, long: &[], strict: false }
    }

    fn takes_value(&self, letter: char) -> Option<bool> {
        let at = self.letters.find(letter).filter(|_| letter != ':')?;
        Some(self.letters[at + letter.len_utf8()..].starts_with(':'))
    }

    /// Reads arguments (without the command's name).
    ///
    /// # Errors
    /// An option nobody knows, or one without its value.
    pub fn read(&self, args: &[String]) -> Result<Options, Problem> {
        let mut found = Options::default();
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            if arg == "--" {
                found.rest.extend(args.cloned());
                break;
            } else if let Some(long) = arg.strip_prefix("--") {
                let (name, value) =
                    long.split_once('=').map_or((long, None), |(n, v)| (n, Some(v)));
                let known = self.long.iter().find(|(n, _)| *n == name);
                let Some((_, letter)) = known else {
                    return Err(format!("unrecognized option '--{name}'"));
                };
                let needs = value.is_none() && self.takes_value(*letter) == Some(true);
                let next = if needs { args.next().cloned() } else { value.map(str::to_owned) };
                if needs && next.is_none() {
                    return Err(format!("option '--{name}' requires an argument"));
                }
                found.flags.push((*letter, next.unwrap_or_default()));
            } else if let Some(letters) = arg.strip_prefix('-').filter(|l| !l.is_empty()) {
                let mut rest = letters;
                while let Some(letter) = rest.chars().next() {
                    rest = &rest[letter.len_utf8()..];
                    match self.takes_value(letter) {
                        None => return Err(format!("invalid option -- '{letter}'")),
                        Some(false) => found.flags.push((letter, String::new())),
                        Some(true) => {
                            let value = match rest {
                                "" => args.next().cloned(),
                                inside => Some(inside.to_owned()),
                            };
                            let missing = format!("option requires an argument -- '{letter}'");
                            found.flags.push((letter, value.ok_or(missing)?));
                            break;
                        }
                    }
                }
            } else {
                found.rest.push(arg.clone());
                if self.strict {
                    found.rest.extend(args.cloned());
                    break;
                }
            }
        }
        Ok(found)
    }
}

impl Options {
    /// Whether an option was given.
    pub fn has(&self, letter: char) -> bool {
        self.flags.iter().any(|(l, _)| *l == letter)
    }

    /// The last value of an option.
    pub fn value(&self, letter: char) -> Option<&str> {
        self.flags.iter().rev().find(|(l, _)| *l == letter).map(|(_, v)| v.as_str())
    }

    /// All values of an option.
    pub fn values(&self, letter: char) -> impl Iterator<Item = &str> {
        self.flags.iter().filter(move |(l, _)| *l == letter).map(|(_, v)| v.as_str())
    }

    /// Whichever of the options came last.
    pub fn last(&self, letters: &str) -> Option<char> {
        self.flags.iter().rev().map(|(l, _)| *l).find(|l| letters.contains(*l))
    }
}
