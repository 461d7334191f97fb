//! `test`, `[` and `[[ … ]]`.

use super::{
    ast::Word,
    expand,
    fs::{Content, Node},
    pattern::Pattern,
    process::{Done, Process, Stop},
};

/// One argument, and the pattern it is when it stands on the right of `==` in `[[`.
struct Term {
    text: String,
    pattern: Option<Pattern>,
    /// Whether it can be an operator.
    bare: bool,
}

struct Reader<'a> {
    p: &'a Process,
    terms: &'a [Term],
    at: usize,
    /// `[[`: `&&` and `||`, patterns, regular expressions.
    double: bool,
    depth: u32,
}

/// `test` and `[`.
pub async fn single(p: &mut Process, argv: &[String]) -> Done {
    let mut words = &argv[1..];
    if argv[0] == "[" {
        match words.split_last() {
            Some((last, rest)) if last == "]" => words = rest,
            _ => {
                p.say("[: missing `]'").await;
                return Ok(2);
            }
        }
    }
    let term = |t: &String| Term { text: t.clone(), pattern: None, bare: true };
    let terms: Vec<Term> = words.iter().map(term).collect();
    let verdict = Reader { p, terms: &terms, at: 0, double: false, depth: 0 }.whole();
    answer(p, &argv[0], verdict).await
}

/// `[[ … ]]`
pub async fn double(p: &mut Process, words: &[Word]) -> Done {
    let mut terms = Vec::new();
    for word in words {
        let text = expand::text(p, word).await?;
        let pattern = Some(expand::pattern(p, word).await?);
        terms.push(Term { text, pattern, bare: word.bare().is_some() });
    }
    let verdict = Reader { p, terms: &terms, at: 0, double: true, depth: 0 }.whole();
    answer(p, "[[", verdict).await
}

async fn answer(p: &Process, name: &str, verdict: Result<bool, String>) -> Result<i32, Stop> {
    match verdict {
        Ok(yes) => Ok(i32::from(!yes)),
        Err(why) => {
            p.say(format!("{name}: {why}")).await;
            Ok(2)
        }
    }
}

impl Reader<'_> {
    fn whole(mut self) -> Result<bool, String> {
        match self.terms {
            [] => return Ok(false),
            [one] => return Ok(!one.text.is_empty()),
            // With three words the one in the middle decides, whatever the others look like.
            [a, operator, b] if is_binary(&operator.text) && !self.double => {
                return self.binary(a, &operator.text, b);
            }
            _ => {}
        }
        let value = self.or()?;
        match self.terms.get(self.at) {
            None => Ok(value),
            Some(_) => Err("too many arguments".into()),
        }
    }

    fn next_is(&mut self, words: &[&str]) -> bool {
        let next = self.terms.get(self.at);
        let yes = next.is_some_and(|t| t.bare && words.contains(&t.text.as_str()));
        self.at += usize::from(yes);
        yes
    }

    fn or(&mut self) -> Result<bool, String> {
        self.depth += 1;
        if self.depth > 50 {
            return Err("too many arguments".into());
        }
        let mut value = self.and()?;
        while self.next_is(if self.double { &["||"] } else { &["-o"] }) {
            value |= self.and()?;
        }
        self.depth -= 1;
        Ok(value)
    }

    fn and(&mut self) -> Result<bool, String> {
        let mut value = self.not()?;
        while self.next_is(if self.double { &["&&"] } else { &["-a"] }) {
            value &= self.not()?;
        }
        Ok(value)
    }

    fn not(&mut self) -> Result<bool, String> {
        let mut negated = false;
        while self.at + 1 < self.terms.len() && self.next_is(&["!"]) {
            negated = !negated;
        }
        Ok(self.primary()? != negated)
    }

    fn primary(&mut self) -> Result<bool, String> {
        if self.at + 1 < self.terms.len() && self.next_is(&["("]) {
            let value = self.or()?;
            return if self.next_is(&[")"]) { Ok(value) } else { Err("`)' expected".into()) };
        }
        let terms = self.terms;
        let rest = terms.get(self.at..).unwrap_or_default();
        match rest {
            [a, operator, b, ..] if is_binary(&operator.text) => {
                self.at += 3;
                self.binary(a, &operator.text, b)
            }
            [operator, a, ..] if is_unary(&operator.text) && operator.bare => {
                self.at += 2;
                Ok(self.unary(&operator.text, &a.text))
            }
            [a, ..] => {
                self.at += 1;
                Ok(!a.text.is_empty())
            }
            [] => Err("argument expected".into()),
        }
    }

    fn binary(&self, a: &Term, operator: &str, b: &Term) -> Result<bool, String> {
        let number = |text: &str| -> Result<i64, String> {
            let plain = text.trim();
            plain.parse().map_err(|_| format!("{text}: integer expression expected"))
        };
        let (x, y) = (a.text.as_str(), b.text.as_str());
        Ok(match operator {
            "=" | "==" => b.pattern.as_ref().map_or(x == y, |pattern| pattern.matches(x)),
            "!=" => !b.pattern.as_ref().map_or(x == y, |pattern| pattern.matches(x)),
            "=~" => {
                let regex = super::commands::regex(y).map_err(|_| "syntax error".to_owned())?;
                regex.is_match(x)
            }
            "<" => x < y,
            ">" => x > y,
            "-eq" => number(x)? == number(y)?,
            "-ne" => number(x)? != number(y)?,
            "-lt" => number(x)? < number(y)?,
            "-le" => number(x)? <= number(y)?,
            "-gt" => number(x)? > number(y)?,
            "-ge" => number(x)? >= number(y)?,
            "-nt" => self.changed(x) > self.changed(y),
            "-ot" => self.changed(x) < self.changed(y),
            _ => false,
        })
    }

    fn node(&self, path: &str) -> Option<Node> {
        self.p.fs.stat(&self.p.path(path), &self.p.who).ok()
    }

    fn changed(&self, path: &str) -> Option<jiff::Timestamp> {
        self.node(path).map(|n| n.changed)
    }

    fn unary(&self, operator: &str, a: &str) -> bool {
        let link = || self.p.fs.lstat(&self.p.path(a), &self.p.who).ok();
        let may = |bits| self.p.fs.may(&self.p.path(a), &self.p.who, bits);
        match operator {
            "-z" => a.is_empty(),
            "-n" => !a.is_empty(),
            "-e" | "-a" => self.node(a).is_some(),
            "-d" => self.node(a).is_some_and(|n| n.is_directory()),
            "-f" => self
                .node(a)
                .is_some_and(|n| matches!(n.content, Content::File(_) | Content::Program(_))),
            "-s" => self.node(a).is_some_and(|n| n.size() > 0),
            "-c" => self.node(a).is_some_and(|n| matches!(n.content, Content::Device(_))),
            "-L" | "-h" => link().is_some_and(|n| matches!(n.content, Content::Link(_))),
            "-r" => may(4),
            "-w" => may(2),
            "-x" => may(1),
            "-O" => self.node(a).is_some_and(|n| n.uid == self.p.who.uid),
            "-t" => self.p.stdout.is_terminal(),
            "-v" => self.p.vars.contains_key(a),
            _ => false,
        }
    }
}

fn is_binary(word: &str) -> bool {
    ["=", "==", "!=", "=~", "<", ">", "-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-nt", "-ot"]
        .contains(&word)
}

fn is_unary(word: &str) -> bool {
    word.len() == 2
        && word.starts_with('-')
        && word.chars().nth(1).is_some_and(|c| "zneadfscLhrwxOtvbpSgukN".contains(c))
}
