//! Why a text is not JSON, in the words of Go's decoder. Only asked once a parser has refused.
//! Source: the scanner of encoding/json, whose texts sigs.k8s.io/json keeps.

/// What is wrong with `text` as one JSON value.
pub fn fault(text: &[u8]) -> String {
    let mut scanner = Scanner { text, at: 0 };
    let end = "unexpected end of JSON input".to_owned();
    match scanner.value(0).and_then(|()| scanner.end()) {
        Err(SyntaxFault::End) | Ok(()) => end,
        Err(SyntaxFault::Character(byte, context)) => {
            format!("invalid character {} {context}", quoted(byte))
        }
        Err(SyntaxFault::Deep) => "exceeded max depth".into(),
    }
}

/// Deepest nesting looked at, a little more than the parsers before us read (Go reads 10,000).
const DEPTH: usize = 200;

enum SyntaxFault {
    End,
    Deep,
    Character(u8, &'static str),
}

/// A byte as Go's `quoteChar` shows it.
fn quoted(byte: u8) -> String {
    match byte {
        b'\'' => r"'\''".into(),
        b'"' => "'\"'".into(),
        _ => format!("'{}'", char::from(byte).escape_debug()),
    }
}

struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
}

type Scan = Result<(), SyntaxFault>;

impl Scanner<'_> {
    fn peek(&self) -> Result<u8, SyntaxFault> {
        self.text.get(self.at).copied().ok_or(SyntaxFault::End)
    }

    fn space(&mut self) {
        while matches!(self.peek(), Ok(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn wrong(&self, context: &'static str) -> SyntaxFault {
        self.peek().map_or(SyntaxFault::End, |byte| SyntaxFault::Character(byte, context))
    }

    fn expect(&mut self, byte: u8, context: &'static str) -> Scan {
        if self.peek()? != byte {
            return Err(self.wrong(context));
        }
        self.at += 1;
        Ok(())
    }

    fn end(&mut self) -> Scan {
        self.space();
        if self.at < self.text.len() { Err(self.wrong("after top-level value")) } else { Ok(()) }
    }

    fn value(&mut self, depth: usize) -> Scan {
        if depth > DEPTH {
            return Err(SyntaxFault::Deep);
        }
        self.space();
        match self.peek()? {
            b'{' => self.object(depth + 1),
            b'[' => self.array(depth + 1),
            b'"' => self.string(),
            b'-' | b'0'..=b'9' => self.number(),
            b't' => self.literal(b"true", &IN_TRUE),
            b'f' => self.literal(b"false", &IN_FALSE),
            b'n' => self.literal(b"null", &IN_NULL),
            _ => Err(self.wrong("looking for beginning of value")),
        }
    }

    fn object(&mut self, depth: usize) -> Scan {
        self.at += 1;
        self.space();
        if self.peek()? == b'}' {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.space();
            if self.peek()? != b'"' {
                return Err(self.wrong("looking for beginning of object key string"));
            }
            self.string()?;
            self.space();
            self.expect(b':', "after object key")?;
            self.value(depth)?;
            self.space();
            match self.peek()? {
                b',' => self.at += 1,
                _ => return self.expect(b'}', "after object key:value pair"),
            }
        }
    }

    fn array(&mut self, depth: usize) -> Scan {
        self.at += 1;
        self.space();
        if self.peek()? == b']' {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.value(depth)?;
            self.space();
            match self.peek()? {
                b',' => self.at += 1,
                _ => return self.expect(b']', "after array element"),
            }
        }
    }

    fn string(&mut self) -> Scan {
        self.at += 1;
        loop {
            match self.peek()? {
                b'"' => break,
                b'\\' => self.escape()?,
                0..=0x1f => return Err(self.wrong("in string literal")),
                _ => self.at += 1,
            }
        }
        self.at += 1;
        Ok(())
    }

    fn escape(&mut self) -> Scan {
        self.at += 1;
        match self.peek()? {
            b'b' | b'f' | b'n' | b'r' | b't' | b'\\' | b'/' | b'"' => self.at += 1,
            b'u' => {
                self.at += 1;
                for _ in 0..4 {
                    if !self.peek()?.is_ascii_hexdigit() {
                        return Err(self.wrong("in \\u hexadecimal character escape"));
                    }
                    self.at += 1;
                }
            }
            _ => return Err(self.wrong("in string escape code")),
        }
        Ok(())
    }

    fn digits(&mut self, context: &'static str) -> Scan {
        if !self.peek()?.is_ascii_digit() {
            return Err(self.wrong(context));
        }
        while self.peek().is_ok_and(|b| b.is_ascii_digit()) {
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Scan {
        if self.peek()? == b'-' {
            self.at += 1;
        }
        match self.peek()? {
            b'0' => self.at += 1,
            _ => self.digits("in numeric literal")?,
        }
        if self.peek().is_ok_and(|b| b == b'.') {
            self.at += 1;
            self.digits("after decimal point in numeric literal")?;
        }
        if self.peek().is_ok_and(|b| matches!(b, b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek()?, b'+' | b'-') {
                self.at += 1;
            }
            self.digits("in exponent of numeric literal")?;
        }
        Ok(())
    }

    fn literal(&mut self, word: &[u8], contexts: &[&'static str]) -> Scan {
        for (byte, context) in word.iter().zip(contexts) {
            self.expect(*byte, context)?;
        }
        Ok(())
    }
}

const IN_TRUE: [&str; 4] = [
    "",
    "in literal true (expecting 'r')",
    "in literal true (expecting 'u')",
    "in literal true (expecting 'e')",
];
const IN_FALSE: [&str; 5] = [
    "",
    "in literal false (expecting 'a')",
    "in literal false (expecting 'l')",
    "in literal false (expecting 's')",
    "in literal false (expecting 'e')",
];
const IN_NULL: [&str; 4] = [
    "",
    "in literal null (expecting 'u')",
    "in literal null (expecting 'l')",
    "in literal null (expecting 'l')",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_in_gos_words() {
        let rows = [
            ("", "unexpected end of JSON input"),
            (r#"{"a":"#, "unexpected end of JSON input"),
            ("{not json", "invalid character 'n' looking for beginning of object key string"),
            ("hello", "invalid character 'h' looking for beginning of value"),
            ("nope", "invalid character 'o' in literal null (expecting 'u')"),
            (r#"{"a" 1}"#, "invalid character '1' after object key"),
            (r#"{"a":1 "b":2}"#, "invalid character '\"' after object key:value pair"),
            (r#"{"a":1,}"#, "invalid character '}' looking for beginning of object key string"),
            ("[1 2]", "invalid character '2' after array element"),
            ("{} x", "invalid character 'x' after top-level value"),
            ("01", "invalid character '1' after top-level value"),
            ("-x", "invalid character 'x' in numeric literal"),
            ("1.e", "invalid character 'e' after decimal point in numeric literal"),
            ("1ex", "invalid character 'x' in exponent of numeric literal"),
            ("\"a\nb\"", "invalid character '\\n' in string literal"),
            (r#""\x""#, "invalid character 'x' in string escape code"),
            (r#""\u00g0""#, "invalid character 'g' in \\u hexadecimal character escape"),
            ("'a'", r"invalid character '\'' looking for beginning of value"),
        ];
        for (text, expected) in rows {
            assert_eq!(fault(text.as_bytes()), expected, "{text}");
        }
        assert_eq!(fault("[".repeat(DEPTH + 2).as_bytes()), "exceeded max depth");
    }
}
