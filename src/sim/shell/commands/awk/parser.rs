//! From words to a program, by precedence. Source: POSIX `awk`, "Grammar".

use super::{
    ast::{Assignable, Binary, Expr, Function, Pattern, Program, Rule, Statement, When},
    lexer::{Token, tokens},
};

/// Deepest nesting of a program.
const DEEPEST: u32 = 100;

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: u32,
    /// Inside `print` without parentheses `>` redirects.
    printing: bool,
}

type Parsed<T> = Result<T, String>;

/// Reads a program.
///
/// # Errors
/// What is wrong with it.
pub fn parse(text: &str) -> Parsed<Program> {
    let tokens = tokens(text)?;
    let mut parser = Parser { tokens, at: 0, depth: 0, printing: false };
    let mut program = Program::default();
    loop {
        parser.blank();
        if parser.peek().is_none() {
            return Ok(program);
        }
        if parser.word("function") || parser.word("func") {
            let (name, function) = parser.function()?;
            program.functions.insert(name, function);
        } else {
            program.rules.push(parser.rule()?);
        }
    }
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn is(&self, mark: &str) -> bool {
        matches!(self.peek(), Some(Token::Mark(m)) if *m == mark)
    }

    fn mark(&mut self, mark: &str) -> bool {
        let yes = self.is(mark);
        self.at += usize::from(yes);
        yes
    }

    fn demand(&mut self, mark: &str) -> Parsed<()> {
        if self.mark(mark) { Ok(()) } else { Err(self.wrong()) }
    }

    /// A keyword, also with a parenthesis behind it.
    fn word(&mut self, word: &str) -> bool {
        let yes = matches!(self.peek(), Some(Token::Name(n) | Token::Call(n)) if n == word);
        self.at += usize::from(yes);
        yes
    }

    fn wrong(&self) -> String {
        match self.peek() {
            None => "unexpected end of program".into(),
            Some(Token::Newline) => "syntax error near end of line".into(),
            Some(Token::Mark(mark)) => format!("syntax error near {mark}"),
            Some(Token::Name(name) | Token::Call(name)) => format!("syntax error near {name}"),
            Some(Token::Number(n)) => format!("syntax error near {n}"),
            Some(Token::Text(t) | Token::Regex(t)) => format!("syntax error near {t}"),
        }
    }

    /// Ends of lines and semicolons.
    fn blank(&mut self) {
        while matches!(self.peek(), Some(Token::Newline)) || self.is(";") {
            self.at += 1;
        }
    }

    fn newlines(&mut self) {
        while matches!(self.peek(), Some(Token::Newline)) {
            self.at += 1;
        }
    }

    fn name(&mut self) -> Parsed<String> {
        match self.peek() {
            Some(Token::Name(name) | Token::Call(name)) => {
                let name = name.clone();
                self.at += 1;
                Ok(name)
            }
            _ => Err(self.wrong()),
        }
    }

    fn function(&mut self) -> Parsed<(String, Function)> {
        let name = self.name()?;
        self.demand("(")?;
        let mut parameters = Vec::new();
        while !self.mark(")") {
            parameters.push(self.name()?);
            self.mark(",");
        }
        self.newlines();
        Ok((name, Function { parameters, body: self.block()? }))
    }

    fn rule(&mut self) -> Parsed<Rule> {
        let when = if self.word("BEGIN") {
            When::Begin
        } else if self.word("END") {
            When::End
        } else if self.is("{") {
            When::Always
        } else {
            let first = self.expr()?;
            match self.mark(",") {
                true => When::Range(first, self.expr()?),
                false => When::If(first),
            }
        };
        let body = if self.is("{") { Some(self.block()?) } else { None };
        if body.is_none() && matches!(when, When::Begin | When::End) {
            return Err(self.wrong());
        }
        Ok(Rule { when, body })
    }

    fn block(&mut self) -> Parsed<Statement> {
        self.demand("{")?;
        let mut all = Vec::new();
        loop {
            self.blank();
            if self.mark("}") {
                return Ok(Statement::Block(all));
            }
            all.push(self.statement()?);
        }
    }

    fn deeper<T>(&mut self, work: impl FnOnce(&mut Parser) -> Parsed<T>) -> Parsed<T> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("program too deep".into());
        }
        let done = work(self);
        self.depth -= 1;
        done
    }

    fn statement(&mut self) -> Parsed<Statement> {
        self.deeper(|p| if p.is("{") { p.block() } else { p.plain() })
    }

    /// The body of a loop or condition, which may stand on the next line.
    fn body(&mut self) -> Parsed<Box<Statement>> {
        self.newlines();
        if self.mark(";") {
            return Ok(Box::new(Statement::Block(Vec::new())));
        }
        Ok(Box::new(self.statement()?))
    }

    fn plain(&mut self) -> Parsed<Statement> {
        if self.word("if") {
            return self.condition();
        }
        if self.word("while") {
            self.demand("(")?;
            let test = self.expr()?;
            self.demand(")")?;
            return Ok(Statement::While(test, self.body()?, false));
        }
        if self.word("do") {
            let body = self.body()?;
            self.blank();
            if !self.word("while") {
                return Err(self.wrong());
            }
            self.demand("(")?;
            let test = self.expr()?;
            self.demand(")")?;
            return Ok(Statement::While(test, body, true));
        }
        if self.word("for") {
            return self.repeat();
        }
        let statement = self.simple()?;
        if !self.is("}") && !matches!(self.peek(), None | Some(Token::Newline)) {
            self.demand(";")?;
        }
        Ok(statement)
    }

    fn condition(&mut self) -> Parsed<Statement> {
        self.demand("(")?;
        let test = self.expr()?;
        self.demand(")")?;
        let yes = self.body()?;
        let back = self.at;
        self.blank();
        if self.word("else") {
            return Ok(Statement::If(test, yes, Some(self.body()?)));
        }
        self.at = back;
        Ok(Statement::If(test, yes, None))
    }

    fn repeat(&mut self) -> Parsed<Statement> {
        self.demand("(")?;
        if let [Token::Name(key), Token::Name(word), Token::Name(array), Token::Mark(")"), ..] =
            &self.tokens[self.at..]
            && word == "in"
        {
            let (key, array) = (key.clone(), array.clone());
            self.at += 4;
            return Ok(Statement::Each(key, array, self.body()?));
        }
        let first = if self.is(";") { None } else { Some(Box::new(self.simple()?)) };
        self.demand(";")?;
        self.newlines();
        let test = if self.is(";") { None } else { Some(self.expr()?) };
        self.demand(";")?;
        self.newlines();
        let step = if self.is(")") { None } else { Some(Box::new(self.simple()?)) };
        self.demand(")")?;
        Ok(Statement::For(first, test, step, self.body()?))
    }

    fn simple(&mut self) -> Parsed<Statement> {
        let ends =
            |p: &Parser| matches!(p.peek(), None | Some(Token::Newline)) || p.is(";") || p.is("}");
        for (word, made) in [
            ("next", Statement::Next),
            ("break", Statement::Break),
            ("continue", Statement::Continue),
        ] {
            if self.word(word) {
                return Ok(made);
            }
        }
        if self.word("print") {
            let (list, target) = self.printed()?;
            return Ok(Statement::Print(list, target));
        }
        if self.word("printf") {
            let (list, target) = self.printed()?;
            return Ok(Statement::Printf(list, target));
        }
        if self.word("exit") {
            let code = if ends(self) { None } else { Some(self.expr()?) };
            return Ok(Statement::Exit(code));
        }
        if self.word("return") {
            let value = if ends(self) { None } else { Some(self.expr()?) };
            return Ok(Statement::Return(value));
        }
        if self.word("delete") {
            let array = self.name()?;
            let keys = if self.mark("[") { Some(self.list("]")?) } else { None };
            return Ok(Statement::Delete(array, keys));
        }
        Ok(Statement::Expr(self.expr()?))
    }

    /// What `print` and `printf` are given, and where it goes.
    fn printed(&mut self) -> Parsed<(Vec<Expr>, Assignable)> {
        let before = std::mem::replace(&mut self.printing, true);
        let list = self.arguments();
        self.printing = before;
        let list = list?;
        let target = match (self.mark(">>"), self.is(">")) {
            (true, _) => Assignable::File(self.concatenation()?, true),
            (false, true) => {
                self.at += 1;
                Assignable::File(self.concatenation()?, false)
            }
            _ => Assignable::Output,
        };
        Ok((list, target))
    }

    fn arguments(&mut self) -> Parsed<Vec<Expr>> {
        let over = |p: &Parser| {
            matches!(p.peek(), None | Some(Token::Newline))
                || [";", "}", ">", ">>", "|"].iter().any(|m| p.is(m))
        };
        let mut list = Vec::new();
        if over(self) {
            return Ok(list);
        }
        // `print (a, b) > file`: the parentheses are the statement's own.
        if self.is("(") {
            let back = self.at;
            self.at += 1;
            let printing = std::mem::replace(&mut self.printing, false);
            let inside = self.list(")");
            self.printing = printing;
            if let Ok(inside) = inside
                && over(self)
            {
                return Ok(inside);
            }
            self.at = back;
        }
        loop {
            list.push(self.expr()?);
            if !self.mark(",") {
                return Ok(list);
            }
            self.newlines();
        }
    }

    /// Expressions up to a closing mark.
    fn list(&mut self, end: &str) -> Parsed<Vec<Expr>> {
        let mut list = Vec::new();
        while !self.mark(end) {
            list.push(self.expr()?);
            if !self.mark(",") {
                self.demand(end)?;
                return Ok(list);
            }
            self.newlines();
        }
        Ok(list)
    }

    fn expr(&mut self) -> Parsed<Expr> {
        self.deeper(Parser::assignment)
    }

    fn assignment(&mut self) -> Parsed<Expr> {
        let left = self.choice()?;
        let operator = match self.peek() {
            Some(Token::Mark("=")) => None,
            Some(Token::Mark("+=")) => Some(Binary::Add),
            Some(Token::Mark("-=")) => Some(Binary::Subtract),
            Some(Token::Mark("*=")) => Some(Binary::Multiply),
            Some(Token::Mark("/=")) => Some(Binary::Divide),
            Some(Token::Mark("%=")) => Some(Binary::Modulo),
            Some(Token::Mark("^=")) => Some(Binary::Power),
            _ => return Ok(left),
        };
        if !matches!(left, Expr::Variable(_) | Expr::Field(_) | Expr::Element(..)) {
            return Err(self.wrong());
        }
        self.at += 1;
        self.newlines();
        let value = self.expr()?;
        Ok(Expr::Assign(Box::new(left), operator, Box::new(value)))
    }

    fn choice(&mut self) -> Parsed<Expr> {
        let test = self.or()?;
        if !self.mark("?") {
            return Ok(test);
        }
        self.newlines();
        let yes = self.expr()?;
        self.newlines();
        self.demand(":")?;
        self.newlines();
        let no = self.expr()?;
        Ok(Expr::Choose(Box::new(test), Box::new(yes), Box::new(no)))
    }

    fn or(&mut self) -> Parsed<Expr> {
        let mut left = self.and()?;
        while self.mark("||") {
            self.newlines();
            left = Expr::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Parsed<Expr> {
        let mut left = self.membership()?;
        while self.mark("&&") {
            self.newlines();
            left = Expr::And(Box::new(left), Box::new(self.membership()?));
        }
        Ok(left)
    }

    fn membership(&mut self) -> Parsed<Expr> {
        let mut left = self.matching()?;
        while self.word("in") {
            left = Expr::In(vec![left], self.name()?);
        }
        Ok(left)
    }

    fn matching(&mut self) -> Parsed<Expr> {
        let mut left = self.comparison()?;
        loop {
            let wanted = match self.peek() {
                Some(Token::Mark("~")) => true,
                Some(Token::Mark("!~")) => false,
                _ => return Ok(left),
            };
            self.at += 1;
            left = Expr::Match(wanted, Box::new(left), Box::new(self.comparison()?));
        }
    }

    fn comparison(&mut self) -> Parsed<Expr> {
        let left = self.concatenation()?;
        let operator = match self.peek() {
            Some(Token::Mark("<")) => Binary::Less,
            Some(Token::Mark("<=")) => Binary::LessEqual,
            Some(Token::Mark("==")) => Binary::Equal,
            Some(Token::Mark("!=")) => Binary::Unequal,
            Some(Token::Mark(">")) if !self.printing => Binary::Greater,
            Some(Token::Mark(">=")) => Binary::GreaterEqual,
            _ => return Ok(left),
        };
        self.at += 1;
        Ok(Expr::Binary(operator, Box::new(left), Box::new(self.concatenation()?)))
    }

    /// Whether the next word can begin an operand of a concatenation.
    fn begins_operand(&self) -> bool {
        match self.peek() {
            Some(Token::Number(_) | Token::Text(_) | Token::Regex(_) | Token::Call(_)) => true,
            Some(Token::Name(name)) => name != "in",
            Some(Token::Mark(mark)) => matches!(*mark, "$" | "!" | "(" | "-" | "+" | "++" | "--"),
            _ => false,
        }
    }

    fn concatenation(&mut self) -> Parsed<Expr> {
        let mut left = self.sum()?;
        while self.begins_operand() && !self.is("-") && !self.is("+") {
            left = Expr::Binary(Binary::Concat, Box::new(left), Box::new(self.sum()?));
        }
        Ok(left)
    }

    fn sum(&mut self) -> Parsed<Expr> {
        let mut left = self.product()?;
        loop {
            let operator = match self.peek() {
                Some(Token::Mark("+")) => Binary::Add,
                Some(Token::Mark("-")) => Binary::Subtract,
                _ => return Ok(left),
            };
            self.at += 1;
            left = Expr::Binary(operator, Box::new(left), Box::new(self.product()?));
        }
    }

    fn product(&mut self) -> Parsed<Expr> {
        let mut left = self.unary()?;
        loop {
            let operator = match self.peek() {
                Some(Token::Mark("*")) => Binary::Multiply,
                Some(Token::Mark("/")) => Binary::Divide,
                Some(Token::Mark("%")) => Binary::Modulo,
                _ => return Ok(left),
            };
            self.at += 1;
            left = Expr::Binary(operator, Box::new(left), Box::new(self.unary()?));
        }
    }

    fn unary(&mut self) -> Parsed<Expr> {
        for (mark, make) in
            [("!", Expr::Not as fn(Box<Expr>) -> Expr), ("-", Expr::Minus), ("+", Expr::Plus)]
        {
            if self.mark(mark) {
                return Ok(make(Box::new(self.deeper(Parser::unary)?)));
            }
        }
        self.power()
    }

    fn power(&mut self) -> Parsed<Expr> {
        let base = self.stepped()?;
        if !self.mark("^") {
            return Ok(base);
        }
        // The exponent may have a sign, and is itself a power.
        let exponent = self.deeper(Parser::unary)?;
        Ok(Expr::Binary(Binary::Power, Box::new(base), Box::new(exponent)))
    }

    fn stepped(&mut self) -> Parsed<Expr> {
        for (mark, step) in [("++", 1.0), ("--", -1.0)] {
            if self.mark(mark) {
                return Ok(Expr::Step(step, false, Box::new(self.deeper(Parser::stepped)?)));
            }
        }
        let operand = self.operand()?;
        let target = matches!(operand, Expr::Variable(_) | Expr::Field(_) | Expr::Element(..));
        for (mark, step) in [("++", 1.0), ("--", -1.0)] {
            if target && self.mark(mark) {
                return Ok(Expr::Step(step, true, Box::new(operand)));
            }
        }
        Ok(operand)
    }

    fn operand(&mut self) -> Parsed<Expr> {
        let Some(token) = self.peek().cloned() else { return Err(self.wrong()) };
        self.at += 1;
        match token {
            Token::Number(n) => Ok(Expr::Number(n)),
            Token::Text(text) => Ok(Expr::Text(text)),
            Token::Regex(text) => Ok(Expr::Regex(regex(&text)?)),
            Token::Mark("$") => Ok(Expr::Field(Box::new(self.deeper(Parser::stepped)?))),
            Token::Mark("(") => self.grouped(),
            Token::Name(name) if name == "getline" => self.getline(),
            Token::Name(name) if self.mark("[") => Ok(Expr::Element(name, self.list("]")?)),
            // `length` needs no parentheses.
            Token::Name(name) if name == "length" => Ok(Expr::Call(name, Vec::new())),
            Token::Name(name) => Ok(Expr::Variable(name)),
            Token::Call(name) => {
                self.demand("(")?;
                let printing = std::mem::replace(&mut self.printing, false);
                let list = self.list(")");
                self.printing = printing;
                Ok(Expr::Call(name, list?))
            }
            _ => {
                self.at -= 1;
                Err(self.wrong())
            }
        }
    }

    /// `(…)`, or `(a, b) in array`
    fn grouped(&mut self) -> Parsed<Expr> {
        let printing = std::mem::replace(&mut self.printing, false);
        let list = self.list(")");
        self.printing = printing;
        let mut list = list?;
        if list.len() > 1 {
            return match self.word("in") {
                true => Ok(Expr::In(list, self.name()?)),
                false => Err(self.wrong()),
            };
        }
        list.pop().ok_or_else(|| self.wrong())
    }

    fn getline(&mut self) -> Parsed<Expr> {
        let names = matches!(self.peek(), Some(Token::Name(name)) if name != "in");
        let into = if names || self.is("$") { Some(Box::new(self.operand()?)) } else { None };
        let from = if self.mark("<") { Some(Box::new(self.stepped()?)) } else { None };
        Ok(Expr::Getline(into, from))
    }
}

/// A regular expression as `awk` writes it.
///
/// # Errors
/// It is none.
pub fn regex(text: &str) -> Parsed<Pattern> {
    let found = super::super::regex(text).map(Pattern);
    found.map_err(|_| format!("bad regex: '{text}'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn precedence_is_awks() {
        let of = |text: &str| format!("{:?}", parse(&format!("{{ x = {text} }}")).unwrap());
        assert_eq!(of("1 + 2 * 3"), of("1 + (2 * 3)"));
        assert_eq!(of("2 ^ 3 ^ 2"), of("2 ^ (3 ^ 2)"));
        assert_eq!(of("-2 ^ 2"), of("-(2 ^ 2)"));
        assert_eq!(of("a b + 1"), of("a (b + 1)"));
        assert_eq!(of("a && b || c"), of("(a && b) || c"));
        assert_eq!(of("$NF-1"), of("($NF)-1"));
        assert_eq!(of("!x ~ y"), of("(!x) ~ y"));
    }

    #[test]
    fn wrong_programs_say_where() {
        for text in ["{ print", "{ x = }", "BEGIN", "{ if x }", "}", "{ 1 = 2 }"] {
            assert!(parse(text).is_err(), "{text}");
        }
        let deep = "(".repeat(5000);
        assert!(parse(&format!("{{ x = {deep}")).is_err());
    }
}
