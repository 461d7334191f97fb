//! Characters to words: quoting, variables, substitutions, here-documents.

use super::{
    ast::{List, Op, Param, Part, Word},
    parser::{self, Trouble},
};

/// Deepest nesting of substitutions and compounds.
pub const DEEPEST: usize = 60;

/// A position in a script.
pub struct Lexer {
    /// The script.
    pub text: Vec<char>,
    /// Where reading goes on.
    pub at: usize,
    /// Levels of nesting above.
    pub depth: usize,
    /// Lines passed.
    pub line: u32,
    /// Where a here-document's text was taken out: skip from the first to the second position.
    skips: Vec<(usize, usize)>,
}

impl Lexer {
    /// Starts at the beginning.
    pub fn new(text: &str, depth: usize) -> Lexer {
        Lexer { text: text.chars().collect(), at: 0, depth, line: 1, skips: Vec::new() }
    }

    /// The next character.
    pub fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    /// The character after so many others.
    pub fn ahead(&self, by: usize) -> Option<char> {
        self.text.get(self.at + by).copied()
    }

    /// Takes a character.
    pub fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        if c == '\n' {
            self.line += 1;
            if let Some((_, to)) = self.skips.iter().find(|(from, _)| *from == self.at) {
                let lines = self.text[self.at..*to].iter().filter(|c| **c == '\n');
                self.line += lines.count() as u32;
                self.at = *to;
            }
        }
        Some(c)
    }

    /// Whether the text goes on like this.
    pub fn sees(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(i, c)| self.ahead(i) == Some(c))
    }

    /// Takes this text if it comes next.
    pub fn take(&mut self, text: &str) -> bool {
        let yes = self.sees(text);
        if yes {
            for _ in text.chars() {
                self.next();
            }
        }
        yes
    }

    /// Passes blanks, line continuations and comments.
    pub fn blanks(&mut self) {
        loop {
            match self.peek() {
                Some(' ' | '\t' | '\r') => drop(self.next()),
                Some('\\') if self.ahead(1) == Some('\n') => {
                    self.next();
                    self.next();
                }
                Some('#') => {
                    while self.peek().is_some_and(|c| c != '\n') {
                        self.next();
                    }
                }
                _ => return,
            }
        }
    }

    /// Reads a word; `None` when none begins here.
    ///
    /// # Errors
    /// An open quote or substitution.
    pub fn word(&mut self) -> Result<Option<Word>, Trouble> {
        let mut parts = Vec::new();
        while let Some(c) = self.peek() {
            if is_end(c) {
                break;
            }
            self.piece(&mut parts)?;
        }
        Ok((!parts.is_empty()).then_some(Word(parts)))
    }

    /// One character or one quoted or expanded part.
    fn piece(&mut self, parts: &mut Vec<Part>) -> Result<(), Trouble> {
        match self.peek() {
            Some('\'') => {
                self.next();
                let text = self.until('\'')?;
                parts.push(Part::Quoted(text));
            }
            Some('"') => {
                self.next();
                self.double(parts, Some('"'))?;
            }
            Some('\\') => {
                self.next();
                match self.next() {
                    Some('\n') => {}
                    Some(c) => parts.push(Part::Quoted(c.into())),
                    None => return Err(Trouble::Incomplete),
                }
            }
            Some('$') if self.ahead(1) == Some('\'') => {
                self.at += 2;
                let text = self.ansi()?;
                parts.push(Part::Quoted(text));
            }
            Some('$' | '`') => self.dollar(parts, false)?,
            Some(c) => {
                self.next();
                bare(parts, c);
            }
            None => {}
        }
        Ok(())
    }

    fn until(&mut self, end: char) -> Result<String, Trouble> {
        let mut text = String::new();
        loop {
            match self.next() {
                Some(c) if c == end => return Ok(text),
                Some(c) => text.push(c),
                None => return Err(Trouble::Incomplete),
            }
        }
    }

    /// `$'…'`
    fn ansi(&mut self) -> Result<String, Trouble> {
        let mut raw = String::new();
        loop {
            match self.next() {
                Some('\'') => return Ok(super::escapes::decode(&raw).0),
                Some('\\') => {
                    raw.push('\\');
                    raw.extend(self.next());
                }
                Some(c) => raw.push(c),
                None => return Err(Trouble::Incomplete),
            }
        }
    }

    /// The inside of double quotes; without an end, to the end of the text (here-documents).
    fn double(&mut self, parts: &mut Vec<Part>, end: Option<char>) -> Result<(), Trouble> {
        let mut text = String::new();
        let start = parts.len();
        loop {
            match self.peek() {
                None if end.is_none() => break,
                None => return Err(Trouble::Incomplete),
                c if c == end => {
                    self.next();
                    break;
                }
                Some('\\') => {
                    self.next();
                    match self.next() {
                        Some('\n') => {}
                        Some(c @ ('$' | '`' | '\\')) => text.push(c),
                        Some('"') if end.is_some() => text.push('"'),
                        other => {
                            text.push('\\');
                            text.extend(other);
                        }
                    }
                }
                Some('$' | '`') => {
                    if !text.is_empty() {
                        parts.push(Part::Quoted(std::mem::take(&mut text)));
                    }
                    self.dollar(parts, true)?;
                }
                Some(c) => {
                    self.next();
                    text.push(c);
                }
            }
        }
        // Empty quotes make an empty word, not none.
        if !text.is_empty() || parts.len() == start {
            parts.push(Part::Quoted(text));
        }
        Ok(())
    }

    /// What begins with `$` or a backquote.
    fn dollar(&mut self, parts: &mut Vec<Part>, quoted: bool) -> Result<(), Trouble> {
        if self.take("`") {
            let inner = self.backquoted()?;
            let list = parser::nested(&inner, self.depth + 1)?;
            parts.push(Part::Command(list, quoted));
            return Ok(());
        }
        self.next();
        if self.take("((") {
            let text = self.balanced("))")?;
            parts.push(Part::Arithmetic(text, quoted));
        } else if self.take("(") {
            let list = self.inner_list()?;
            parts.push(Part::Command(list, quoted));
        } else if self.take("{") {
            let param = self.braced()?;
            parts.push(Part::Param(Box::new(param), quoted));
        } else {
            let name = self.name();
            if name.is_empty() {
                if quoted { parts.push(Part::Quoted("$".into())) } else { bare(parts, '$') }
            } else {
                parts.push(Part::Param(Box::new(Param { name, op: Op::Plain }), quoted));
            }
        }
        Ok(())
    }

    fn inner_list(&mut self) -> Result<List, Trouble> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(Trouble::Deep);
        }
        let list = parser::list(self, &[")"])?;
        self.depth -= 1;
        if self.take(")") { Ok(list) } else { Err(Trouble::Incomplete) }
    }

    fn backquoted(&mut self) -> Result<String, Trouble> {
        let mut text = String::new();
        loop {
            match self.next() {
                Some('`') => return Ok(text),
                Some('\\') if matches!(self.peek(), Some('`' | '\\' | '$')) => {
                    text.extend(self.next());
                }
                Some(c) => text.push(c),
                None => return Err(Trouble::Incomplete),
            }
        }
    }

    /// Up to a closing text, parentheses paired.
    pub fn balanced(&mut self, end: &str) -> Result<String, Trouble> {
        let (mut text, mut open) = (String::new(), 0);
        loop {
            if open == 0 && self.take(end) {
                return Ok(text);
            }
            match self.next() {
                Some(c) => {
                    open += i32::from(c == '(') - i32::from(c == ')');
                    text.push(c);
                }
                None => return Err(Trouble::Incomplete),
            }
        }
    }

    /// A variable's name, or one special character, or nothing.
    fn name(&mut self) -> String {
        match self.peek() {
            Some(c) if c.is_ascii_alphabetic() || c == '_' => self.identifier(),
            Some(c) if c.is_ascii_digit() || "?$!#@*-".contains(c) => {
                self.next();
                c.into()
            }
            _ => String::new(),
        }
    }

    /// Letters, digits and underscores.
    pub fn identifier(&mut self) -> String {
        let mut name = String::new();
        while let Some(c) = self.peek().filter(|c| c.is_ascii_alphanumeric() || *c == '_') {
            name.push(c);
            self.next();
        }
        name
    }

    /// `${…}` after its opening brace.
    fn braced(&mut self) -> Result<Param, Trouble> {
        if self.peek() == Some('#') && self.ahead(1) != Some('}') {
            self.next();
            let name = self.long_name();
            return self.close(Param { name, op: Op::Length });
        }
        let name = self.long_name();
        if name.is_empty() {
            return Err(if self.peek().is_none() { Trouble::Incomplete } else { Trouble::Bad });
        }
        let op = self.operator()?;
        self.close(Param { name, op })
    }

    fn long_name(&mut self) -> String {
        match self.peek() {
            Some(c) if c.is_ascii_digit() => self.identifier(),
            _ => self.name(),
        }
    }

    fn close(&mut self, param: Param) -> Result<Param, Trouble> {
        match self.next() {
            Some('}') => Ok(param),
            None => Err(Trouble::Incomplete),
            Some(_) => Err(Trouble::Bad),
        }
    }

    fn operator(&mut self) -> Result<Op, Trouble> {
        let colon = self.sees(":") && matches!(self.ahead(1), Some('-' | '=' | '?' | '+'));
        if colon {
            self.next();
        }
        Ok(match self.peek() {
            Some(c @ ('-' | '=' | '?' | '+')) => {
                self.next();
                Op::Else(c, colon, self.operand("}")?)
            }
            Some(c @ ('#' | '%')) => {
                self.next();
                let longest = self.take(&c.to_string());
                Op::Trim(c, longest, self.operand("}")?)
            }
            Some('/') => {
                self.next();
                let all = self.take("/");
                let pattern = self.operand("/}")?;
                let by = if self.take("/") { self.operand("}")? } else { Word::default() };
                Op::Replace(all, pattern, by)
            }
            Some(':') => {
                self.next();
                let offset = self.plain(":}");
                let length = self.take(":").then(|| self.plain("}"));
                Op::Slice(offset, length)
            }
            Some('^') => Op::Case(if self.take("^^") { "^^" } else { self.step("^") }),
            Some(',') => Op::Case(if self.take(",,") { ",," } else { self.step(",") }),
            _ => Op::Plain,
        })
    }

    fn step(&mut self, text: &'static str) -> &'static str {
        self.take(text);
        text
    }

    fn plain(&mut self, ends: &str) -> String {
        let mut text = String::new();
        while let Some(c) = self.peek().filter(|c| !ends.contains(*c)) {
            text.push(c);
            self.next();
        }
        text
    }

    /// A word inside `${…}`, up to one of the closing characters; blanks belong to it.
    fn operand(&mut self, ends: &str) -> Result<Word, Trouble> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(Trouble::Deep);
        }
        let mut parts = Vec::new();
        loop {
            match self.peek() {
                None => return Err(Trouble::Incomplete),
                Some(c) if ends.contains(c) => break,
                Some(_) => self.piece(&mut parts)?,
            }
        }
        self.depth -= 1;
        Ok(Word(parts))
    }

    /// Takes the text of a here-document out of what follows this line.
    ///
    /// # Errors
    /// When its end is not there.
    pub fn here(&mut self, end: &Word, strip: bool) -> Result<Word, Trouble> {
        let stop = end.literal().unwrap_or_default();
        let raw = end.0.iter().any(|p| matches!(p, Part::Quoted(_)));
        let line_end = (self.at..self.text.len()).find(|i| self.text[*i] == '\n');
        let newline = line_end.ok_or(Trouble::Incomplete)? + 1;
        let known = self.skips.iter().position(|(from, _)| *from == newline);
        let mut at = known.map_or(newline, |i| self.skips[i].1);
        let mut body = String::new();
        loop {
            if at >= self.text.len() {
                return Err(Trouble::Incomplete);
            }
            let to = (at..self.text.len()).find(|i| self.text[*i] == '\n');
            let line: String = self.text[at..to.unwrap_or(self.text.len())].iter().collect();
            at = to.map_or(self.text.len(), |i| i + 1);
            let line = if strip { line.trim_start_matches('\t') } else { &line };
            if line == stop {
                break;
            }
            body.push_str(line);
            body.push('\n');
        }
        match known {
            Some(i) => self.skips[i].1 = at,
            None => self.skips.push((newline, at)),
        }
        if raw {
            return Ok(Word(vec![Part::Quoted(body)]));
        }
        let (mut inner, mut parts) = (Lexer::new(&body, self.depth + 1), Vec::new());
        inner.double(&mut parts, None)?;
        Ok(Word(parts))
    }
}

/// Whether a word ends before this character.
pub fn is_end(c: char) -> bool {
    c.is_whitespace() || "|&;<>()".contains(c)
}

fn bare(parts: &mut Vec<Part>, c: char) {
    match parts.last_mut() {
        Some(Part::Bare(text)) => text.push(c),
        _ => parts.push(Part::Bare(c.into())),
    }
}
