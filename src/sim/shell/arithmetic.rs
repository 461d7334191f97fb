//! `$(( … ))`: integers of 64 bits, the operators of C, variables by name.

use std::iter::Peekable;

/// Reads and writes of variables.
pub trait Variables {
    /// The value of a variable; empty when it has none.
    fn value(&self, name: &str) -> String;
    /// Sets a variable.
    fn assign(&mut self, name: &str, value: i64);
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Number(i64),
    Name(String),
    Operator(&'static str),
}

/// Longest first.
const OPERATORS: &[&str] = &[
    "<<=", ">>=", "**", "++", "--", "&&", "||", "==", "!=", "<=", ">=", "<<", ">>", "+=", "-=",
    "*=", "/=", "%=", "+", "-", "*", "/", "%", "<", ">", "=", "!", "~", "&", "|", "^", "?", ":",
    "(", ")", ",",
];

/// Binary operators by how tightly they bind.
const LEVELS: &[&[&str]] = &[
    &["||"],
    &["&&"],
    &["|"],
    &["^"],
    &["&"],
    &["==", "!="],
    &["<", "<=", ">", ">="],
    &["<<", ">>"],
    &["+", "-"],
    &["*", "/", "%"],
    &["**"],
];

/// Deepest nesting of parentheses.
const DEEPEST: u32 = 100;

/// Works an expression out.
///
/// # Errors
/// What bash says after the expression.
pub fn evaluate(text: &str, variables: &mut dyn Variables) -> Result<i64, String> {
    let tokens = tokens(text)?;
    if tokens.is_empty() {
        return Ok(0);
    }
    let mut reader = Reader { tokens: tokens.into_iter().peekable(), variables, depth: 0 };
    let value = reader.comma()?;
    match reader.tokens.next() {
        None => Ok(value),
        Some(_) => Err("syntax error in expression".into()),
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let word = |ok: fn(char) -> bool| rest.find(|c| !ok(c)).unwrap_or(rest.len());
        let length = if first.is_ascii_digit() {
            let end = word(|c| c.is_ascii_alphanumeric() || c == '#');
            found.push(Token::Number(number(&rest[..end])?));
            end
        } else if first.is_ascii_alphabetic() || first == '_' {
            let end = word(|c| c.is_ascii_alphanumeric() || c == '_');
            found.push(Token::Name(rest[..end].into()));
            end
        } else if first == '$' {
            1
        } else {
            let operator = OPERATORS.iter().find(|o| rest.starts_with(**o));
            let operator = operator.ok_or("syntax error: operand expected")?;
            found.push(Token::Operator(operator));
            operator.len()
        };
        rest = rest[length..].trim_start();
    }
    Ok(found)
}

/// Decimal, `0x…` or `0…`.
fn number(text: &str) -> Result<i64, String> {
    let (digits, radix) = match text.strip_prefix("0x").or(text.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None if text.len() > 1 && text.starts_with('0') => (&text[1..], 8),
        None => (text, 10),
    };
    let bad = "value too great for base";
    i64::from_str_radix(digits, radix).map_err(|_| format!("{bad} (error token is \"{text}\")"))
}

struct Reader<'a, I: Iterator<Item = Token>> {
    tokens: Peekable<I>,
    variables: &'a mut dyn Variables,
    depth: u32,
}

impl<I: Iterator<Item = Token>> Reader<'_, I> {
    fn take(&mut self, operator: &str) -> bool {
        self.tokens.next_if(|t| matches!(t, Token::Operator(o) if *o == operator)).is_some()
    }

    fn comma(&mut self) -> Result<i64, String> {
        let mut value = self.assignment()?;
        while self.take(",") {
            value = self.assignment()?;
        }
        Ok(value)
    }

    /// `NAME op= …` and `a ? b : c`.
    fn assignment(&mut self) -> Result<i64, String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("expression recursion level exceeded".into());
        }
        let value = self.conditional();
        self.depth -= 1;
        value
    }

    fn conditional(&mut self) -> Result<i64, String> {
        let condition = self.binary(0)?;
        if !self.take("?") {
            return Ok(condition);
        }
        let yes = self.assignment()?;
        if !self.take(":") {
            return Err("`:' expected for conditional expression".into());
        }
        let no = self.assignment()?;
        Ok(if condition != 0 { yes } else { no })
    }

    fn binary(&mut self, level: usize) -> Result<i64, String> {
        let Some(operators) = LEVELS.get(level) else { return self.unary() };
        let mut left = self.binary(level + 1)?;
        loop {
            let known = |t: &Token| matches!(t, Token::Operator(o) if operators.contains(o));
            let Some(Token::Operator(operator)) = self.tokens.next_if(known) else {
                return Ok(left);
            };
            let right = self.binary(level + 1)?;
            left = apply(operator, left, right)?;
        }
    }

    fn unary(&mut self) -> Result<i64, String> {
        let signs = ["-", "+", "!", "~"];
        let sign = |t: &Token| matches!(t, Token::Operator(o) if signs.contains(o));
        let mut stack = Vec::new();
        while let Some(Token::Operator(o)) = self.tokens.next_if(sign) {
            stack.push(o);
        }
        let mut value = self.primary()?;
        for operator in stack.into_iter().rev() {
            value = match operator {
                "-" => value.wrapping_neg(),
                "!" => i64::from(value == 0),
                "~" => !value,
                _ => value,
            };
        }
        Ok(value)
    }

    fn primary(&mut self) -> Result<i64, String> {
        if self.take("(") {
            let value = {
                self.depth += 1;
                if self.depth > DEEPEST {
                    return Err("expression recursion level exceeded".into());
                }
                self.comma()?
            };
            self.depth -= 1;
            return if self.take(")") { Ok(value) } else { Err("missing `)'".into()) };
        }
        for (operator, by) in [("++", 1), ("--", -1)] {
            if self.take(operator) {
                let Some(Token::Name(name)) = self.tokens.next() else { break };
                let value = self.read(&name)?.wrapping_add(by);
                self.variables.assign(&name, value);
                return Ok(value);
            }
        }
        match self.tokens.next() {
            Some(Token::Number(n)) => Ok(n),
            Some(Token::Name(name)) => self.variable(name),
            _ => Err("syntax error: operand expected".into()),
        }
    }

    fn variable(&mut self, name: String) -> Result<i64, String> {
        let value = self.read(&name)?;
        for (operator, by) in [("++", 1), ("--", -1)] {
            if self.take(operator) {
                self.variables.assign(&name, value.wrapping_add(by));
                return Ok(value);
            }
        }
        for operator in ["=", "+=", "-=", "*=", "/=", "%=", "<<=", ">>="] {
            if self.take(operator) {
                let right = self.assignment()?;
                let plain = operator.trim_end_matches('=');
                let new = if plain.is_empty() { right } else { apply(plain, value, right)? };
                self.variables.assign(&name, new);
                return Ok(new);
            }
        }
        Ok(value)
    }

    fn read(&self, name: &str) -> Result<i64, String> {
        let text = self.variables.value(name);
        let text = text.trim();
        match text.strip_prefix('-') {
            _ if text.is_empty() => Ok(0),
            Some(digits) => number(digits).map(|n| -n),
            None => number(text),
        }
    }
}

fn apply(operator: &str, a: i64, b: i64) -> Result<i64, String> {
    if b == 0 && matches!(operator, "/" | "%") {
        return Err("division by 0".into());
    }
    Ok(match operator {
        "||" => i64::from(a != 0 || b != 0),
        "&&" => i64::from(a != 0 && b != 0),
        "|" => a | b,
        "^" => a ^ b,
        "&" => a & b,
        "==" => i64::from(a == b),
        "!=" => i64::from(a != b),
        "<" => i64::from(a < b),
        "<=" => i64::from(a <= b),
        ">" => i64::from(a > b),
        ">=" => i64::from(a >= b),
        "<<" => a.wrapping_shl(b as u32),
        ">>" => a.wrapping_shr(b as u32),
        "+" => a.wrapping_add(b),
        "-" => a.wrapping_sub(b),
        "*" => a.wrapping_mul(b),
        "/" => a.wrapping_div(b),
        "%" => a.wrapping_rem(b),
        "**" if b < 0 => return Err("exponent less than 0".into()),
        _ => a.wrapping_pow(b.min(i64::from(u32::MAX)) as u32),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    impl Variables for BTreeMap<String, i64> {
        fn value(&self, name: &str) -> String {
            self.get(name).map_or(String::new(), i64::to_string)
        }
        fn assign(&mut self, name: &str, value: i64) {
            self.insert(name.into(), value);
        }
    }

    #[test]
    fn expressions_are_worked_out() {
        let mut v = BTreeMap::from([("x".to_owned(), 5)]);
        let rows = [
            ("1 + 2 * 3", Ok(7)),
            ("(1+2)*3", Ok(9)),
            ("x++ + x", Ok(11)),
            ("x", Ok(6)),
            ("$x - -1", Ok(7)),
            ("y = 2 ** 10, y / 3", Ok(341)),
            ("1 < 2 && 0 || 3 > 4", Ok(0)),
            ("x > 3 ? 10 : 20", Ok(10)),
            ("0x10 + 010", Ok(24)),
            ("!0 + ~0", Ok(0)),
            ("", Ok(0)),
            ("1 / 0", Err("division by 0".to_owned())),
            ("1 +", Err("syntax error: operand expected".to_owned())),
        ];
        for (text, expected) in rows {
            assert_eq!(evaluate(text, &mut v), expected, "{text}");
        }
        assert!(evaluate(&"(".repeat(5000), &mut v).is_err());
        assert_eq!(evaluate("-9223372036854775807-1", &mut v), Ok(i64::MIN));
        assert_eq!(evaluate("(-9223372036854775807-1)/-1", &mut v), Ok(i64::MIN));
    }
}
