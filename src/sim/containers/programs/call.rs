//! How a program was called.

use std::sync::OnceLock;

/// A command line and its variables. Variables are worked out when somebody asks for one.
pub struct Call<'a> {
    /// The command line, from the program's name on.
    pub argv: &'a [String],
    make: &'a (dyn Fn() -> Vec<(String, String)> + Sync),
    variables: OnceLock<Vec<(String, String)>>,
}

impl<'a> Call<'a> {
    /// A command line, and how its variables are found.
    pub fn new(
        argv: &'a [String],
        make: &'a (dyn Fn() -> Vec<(String, String)> + Sync),
    ) -> Call<'a> {
        Call { argv, make, variables: OnceLock::new() }
    }

    /// All variables.
    pub fn variables(&self) -> &[(String, String)] {
        self.variables.get_or_init(self.make)
    }

    /// A variable.
    pub fn variable(&self, name: &str) -> Option<&str> {
        let found = self.variables().iter().rev().find(|(n, _)| n == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The value of a flag, as the program was called with it.
    pub fn flag(&self, name: &str) -> Option<&str> {
        flag(self.argv, name)
    }

    /// A number given by a flag.
    pub fn number(&self, name: &str) -> Option<i64> {
        self.flag(name)?.parse().ok()
    }
}

/// The value of `--name=value`, `--name value`, or, as Go's programs read them, the same with one
/// dash. A flag without a value is empty.
pub fn flag<'a>(argv: &'a [String], name: &str) -> Option<&'a str> {
    argv.iter().enumerate().find_map(|(i, word)| {
        let bare = word.strip_prefix("--").or_else(|| word.strip_prefix('-'))?;
        match bare.strip_prefix(name)? {
            "" => Some(argv.get(i + 1).filter(|v| !v.starts_with('-')).map_or("", String::as_str)),
            rest => rest.strip_prefix('='),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_read_as_programs_read_them() {
        let argv: Vec<String> =
            ["x", "--port=80", "-http", "--name", "n", "-t", "5"].map(str::to_owned).to_vec();
        let rows = [
            ("port", Some("80")),
            ("http", Some("")),
            ("name", Some("n")),
            ("t", Some("5")),
            ("por", None),
            ("none", None),
        ];
        for (name, value) in rows {
            assert_eq!(flag(&argv, name), value, "{name}");
        }
        let make = || vec![("A".to_owned(), "1".to_owned()), ("A".into(), "2".into())];
        let call = Call::new(&argv, &make);
        assert_eq!((call.number("t"), call.variable("A")), (Some(5), Some("2")));
    }
}
