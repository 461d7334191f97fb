//! Words to commands: lists, pipelines, loops and conditions.

use super::{
    ast::{Action, Command, Compound, Item, List, Pipeline, Redirect, Simple, Word},
    lexer::{DEEPEST, Lexer, is_end},
};
use std::sync::Arc;

/// Why a script cannot be run.
#[derive(Debug, Clone, PartialEq)]
pub enum Trouble {
    /// It ends in the middle.
    Incomplete,
    /// Something stands where it may not.
    Unexpected(String),
    /// A `${…}` nobody understands.
    Bad,
    /// It is nested too deep.
    Deep,
}

impl Trouble {
    /// The words of bash.
    pub fn text(&self) -> String {
        match self {
            Trouble::Incomplete => "syntax error: unexpected end of file".into(),
            Trouble::Unexpected(token) if token == "\n" => {
                "syntax error near unexpected token `newline'".into()
            }
            Trouble::Unexpected(token) => format!("syntax error near unexpected token `{token}'"),
            Trouble::Bad => "bad substitution".into(),
            Trouble::Deep => "maximum nesting level exceeded".into(),
        }
    }
}

/// Longest script that is read.
const LONGEST: usize = 256 * 1024;

/// Reads a whole script.
///
/// # Errors
/// See [`Trouble`].
pub fn parse(text: &str) -> Result<List, Trouble> {
    nested(text, 0)
}

/// Reads a script inside a script.
pub fn nested(text: &str, depth: usize) -> Result<List, Trouble> {
    if depth > DEEPEST || text.len() > LONGEST {
        return Err(Trouble::Deep);
    }
    let mut lexer = Lexer::new(text, depth);
    let found = list(&mut lexer, &[])?;
    match lexer.peek() {
        None => Ok(found),
        Some(_) => Err(unexpected(&mut lexer)),
    }
}

/// What stands here and may not.
fn unexpected(l: &mut Lexer) -> Trouble {
    for operator in ["&&", "||", ";;", "\n", "&", ";", "|", "(", ")", "<", ">"] {
        if l.sees(operator) {
            return Trouble::Unexpected(operator.into());
        }
    }
    match l.word() {
        Ok(Some(word)) => Trouble::Unexpected(word.literal().unwrap_or_default()),
        _ => Trouble::Incomplete,
    }
}

/// Words that mean something at the start of a command.
const RESERVED: &[&str] = &["then", "else", "elif", "fi", "do", "done", "esac", "}", "in", ";;"];

/// Statements up to one of the words (which is left), or to the end.
pub fn list(l: &mut Lexer, ends: &[&str]) -> Result<List, Trouble> {
    let mut items = Vec::new();
    loop {
        newlines(l);
        if l.peek().is_none() || at_any(l, ends) {
            return Ok(List(items));
        }
        let mut item = item(l)?;
        l.blanks();
        if l.sees("&") && !l.sees("&&") {
            l.next();
            item.background = true;
        } else if l.sees(";") && !l.sees(";;") {
            l.next();
        } else if l.peek() != Some('\n') {
            items.push(item);
            l.blanks();
            return Ok(List(items));
        }
        items.push(item);
    }
}

fn newlines(l: &mut Lexer) {
    l.blanks();
    while l.peek() == Some('\n') {
        l.next();
        l.blanks();
    }
}

fn at_any(l: &Lexer, words: &[&str]) -> bool {
    words.iter().any(|w| at(l, w))
}

/// Whether this word (and not a longer one) comes next.
fn at(l: &Lexer, word: &str) -> bool {
    let whole = || l.ahead(word.len()).is_none_or(is_end);
    l.sees(word) && (word == ")" || word == ";;" || whole())
}

fn expect(l: &mut Lexer, word: &str) -> Result<(), Trouble> {
    newlines(l);
    if at(l, word) {
        l.take(word);
        return Ok(());
    }
    Err(if l.peek().is_none() { Trouble::Incomplete } else { unexpected(l) })
}

fn item(l: &mut Lexer) -> Result<Item, Trouble> {
    let first = pipeline(l)?;
    let mut rest = Vec::new();
    loop {
        l.blanks();
        let and = l.sees("&&");
        if !and && !l.sees("||") {
            return Ok(Item { first, rest, background: false });
        }
        l.take(if and { "&&" } else { "||" });
        newlines(l);
        rest.push((and, pipeline(l)?));
    }
}

fn pipeline(l: &mut Lexer) -> Result<Pipeline, Trouble> {
    let mut negated = false;
    l.blanks();
    while at(l, "!") {
        l.take("!");
        l.blanks();
        negated = !negated;
    }
    let mut commands = vec![command(l)?];
    loop {
        l.blanks();
        if !l.sees("|") || l.sees("||") {
            return Ok(Pipeline { negated, commands });
        }
        l.next();
        let both = l.take("&");
        newlines(l);
        let next = command(l)?;
        if both && let Some(last) = commands.last_mut() {
            also_errors(last);
        }
        commands.push(next);
    }
}

/// `|&` sends the errors along.
fn also_errors(command: &mut Command) {
    let one = Word(vec![super::ast::Part::Bare("1".into())]);
    let redirect = Redirect { fd: Some(2), action: Action::Duplicate, target: one };
    match command {
        Command::Simple(simple) => simple.redirects.push(redirect),
        Command::Compound(_, redirects) => redirects.push(redirect),
        Command::Function(..) => {}
    }
}

fn command(l: &mut Lexer) -> Result<Command, Trouble> {
    l.blanks();
    l.depth += 1;
    if l.depth > DEEPEST {
        return Err(Trouble::Deep);
    }
    let found = match compound(l)? {
        Some(compound) => Command::Compound(Box::new(compound), redirects(l)?),
        None => simple(l)?,
    };
    l.depth -= 1;
    Ok(found)
}

fn compound(l: &mut Lexer) -> Result<Option<Compound>, Trouble> {
    if l.take("((") {
        return Ok(Some(Compound::Arithmetic(l.balanced("))")?)));
    }
    if l.take("(") {
        let inner = list(l, &[")"])?;
        expect(l, ")")?;
        return Ok(Some(Compound::Subshell(filled(l, inner)?)));
    }
    let keywords = ["{", "if", "while", "until", "for", "case", "[["];
    let Some(word) = keywords.into_iter().find(|w| at(l, w)) else { return Ok(None) };
    l.take(word);
    Ok(Some(match word {
        "{" => Compound::Group(body(l, &["}"])?),
        "if" => condition(l)?,
        "while" | "until" => {
            let condition = body(l, &["do"])?;
            Compound::While(word == "until", condition, body(l, &["done"])?)
        }
        "for" => each(l)?,
        "case" => case(l)?,
        _ => test(l)?,
    }))
}

/// A list that must not be empty, and the word after it.
fn body(l: &mut Lexer, end: &[&str]) -> Result<List, Trouble> {
    let found = list(l, end)?;
    expect(l, end[0])?;
    filled(l, found)
}

fn filled(l: &mut Lexer, list: List) -> Result<List, Trouble> {
    if list.0.is_empty() {
        l.at = l.at.saturating_sub(1);
        return Err(unexpected(l));
    }
    Ok(list)
}

fn condition(l: &mut Lexer) -> Result<Compound, Trouble> {
    let mut arms = Vec::new();
    loop {
        let condition = body(l, &["then"])?;
        let then = list(l, &["elif", "else", "fi"])?;
        arms.push((condition, then));
        newlines(l);
        if at(l, "elif") {
            l.take("elif");
            continue;
        }
        let otherwise = if at(l, "else") {
            l.take("else");
            Some(list(l, &["fi"])?)
        } else {
            None
        };
        expect(l, "fi")?;
        return Ok(Compound::If(arms, otherwise));
    }
}

fn each(l: &mut Lexer) -> Result<Compound, Trouble> {
    l.blanks();
    if l.take("((") {
        let text = l.balanced("))")?;
        let mut parts = text.splitn(3, ';').map(|p| p.trim().to_owned());
        let mut part = || parts.next().unwrap_or_default();
        let parts = [part(), part(), part()];
        l.blanks();
        l.take(";");
        return Ok(Compound::Count(parts, loop_body(l)?));
    }
    let name = l.identifier();
    if name.is_empty() {
        return Err(unexpected(l));
    }
    newlines(l);
    let mut words = None;
    if at(l, "in") {
        l.take("in");
        let mut found = Vec::new();
        l.blanks();
        while let Some(word) = l.word()? {
            found.push(word);
            l.blanks();
        }
        words = Some(found);
    }
    l.blanks();
    l.take(";");
    Ok(Compound::For(name, words, loop_body(l)?))
}

fn loop_body(l: &mut Lexer) -> Result<List, Trouble> {
    expect(l, "do")?;
    body(l, &["done"])
}

fn case(l: &mut Lexer) -> Result<Compound, Trouble> {
    l.blanks();
    let Some(word) = l.word()? else { return Err(unexpected(l)) };
    expect(l, "in")?;
    let mut arms = Vec::new();
    loop {
        newlines(l);
        if at(l, "esac") {
            l.take("esac");
            return Ok(Compound::Case(word, arms));
        }
        l.take("(");
        let mut patterns = Vec::new();
        loop {
            l.blanks();
            let Some(pattern) = l.word()? else { return Err(unexpected(l)) };
            patterns.push(pattern);
            l.blanks();
            if !l.take("|") {
                break;
            }
        }
        expect(l, ")")?;
        arms.push((patterns, list(l, &[";;", "esac"])?));
        l.blanks();
        l.take(";;");
    }
}

/// `[[ … ]]`: its words, with the operators as words of their own.
fn test(l: &mut Lexer) -> Result<Compound, Trouble> {
    let mut words = Vec::new();
    loop {
        newlines(l);
        if at(l, "]]") {
            l.take("]]");
            return Ok(Compound::Test(words));
        }
        let operator = ["&&", "||", "<", ">", "(", ")"].into_iter().find(|o| l.sees(o));
        if let Some(operator) = operator {
            l.take(operator);
            words.push(Word(vec![super::ast::Part::Bare(operator.into())]));
        } else if let Some(word) = l.word()? {
            words.push(word);
        } else {
            return Err(unexpected(l));
        }
    }
}

fn redirects(l: &mut Lexer) -> Result<Vec<Redirect>, Trouble> {
    let mut found = Vec::new();
    loop {
        l.blanks();
        match redirect(l)? {
            Some(redirect) => found.push(redirect),
            None => return Ok(found),
        }
    }
}

/// A redirection, if one begins here.
fn redirect(l: &mut Lexer) -> Result<Option<Redirect>, Trouble> {
    let start = l.at;
    let mut digits = String::new();
    while let Some(c) = l.peek().filter(char::is_ascii_digit) {
        digits.push(c);
        l.next();
    }
    let fd = digits.parse().ok();
    let action = if l.take("&>>") {
        Action::BothAppend
    } else if l.take("&>") {
        Action::Both
    } else if l.take("<<<") {
        return here_string(l, fd).map(Some);
    } else if l.take("<<-") {
        return here(l, fd, true).map(Some);
    } else if l.take("<<") {
        return here(l, fd, false).map(Some);
    } else if l.take(">>") {
        Action::Append
    } else if l.take(">&") || l.take("<&") {
        Action::Duplicate
    } else if l.take(">|") || l.take(">") {
        Action::Write
    } else if !l.sees("<(") && l.take("<") {
        Action::Read
    } else {
        l.at = start;
        return Ok(None);
    };
    let fd = fd.or((action == Action::Duplicate && l.text[l.at - 2] == '<').then_some(0));
    l.blanks();
    let Some(target) = l.word()? else {
        return Err(if l.peek().is_none() {
            Trouble::Unexpected("\n".into())
        } else {
            unexpected(l)
        });
    };
    Ok(Some(Redirect { fd, action, target }))
}

fn here(l: &mut Lexer, fd: Option<u32>, strip: bool) -> Result<Redirect, Trouble> {
    l.blanks();
    let Some(end) = l.word()? else { return Err(unexpected(l)) };
    let target = l.here(&end, strip)?;
    Ok(Redirect { fd, action: Action::Text, target })
}

fn here_string(l: &mut Lexer, fd: Option<u32>) -> Result<Redirect, Trouble> {
    l.blanks();
    let Some(mut target) = l.word()? else { return Err(unexpected(l)) };
    target.0.push(super::ast::Part::Quoted("\n".into()));
    Ok(Redirect { fd, action: Action::Text, target })
}

fn simple(l: &mut Lexer) -> Result<Command, Trouble> {
    let mut found = Simple { line: l.line, ..Simple::default() };
    let first = RESERVED.iter().any(|w| at(l, w));
    if first {
        return Err(unexpected(l));
    }
    loop {
        l.blanks();
        if let Some(redirect) = redirect(l)? {
            found.redirects.push(redirect);
            continue;
        }
        if found.words.is_empty()
            && let Some(assign) = assignment(l)?
        {
            found.assigns.push(assign);
            continue;
        }
        match l.word()? {
            Some(word) => found.words.push(word),
            None => break,
        }
        if let Some(function) = function(l, &found)? {
            return Ok(function);
        }
    }
    if found.words.is_empty() && found.assigns.is_empty() && found.redirects.is_empty() {
        return Err(if l.peek().is_none() { Trouble::Incomplete } else { unexpected(l) });
    }
    Ok(Command::Simple(found))
}

/// `NAME=value` or `NAME+=value`, if one begins here.
fn assignment(l: &mut Lexer) -> Result<Option<(String, bool, Word)>, Trouble> {
    let start = l.at;
    let name = l.identifier();
    let add = !name.is_empty() && l.take("+=");
    let digit = name.starts_with(|c: char| c.is_ascii_digit());
    if name.is_empty() || digit || !(add || l.take("=")) {
        l.at = start;
        return Ok(None);
    }
    Ok(Some((name, add, l.word()?.unwrap_or_default())))
}

/// `name() command` and `function name { … }`.
fn function(l: &mut Lexer, so_far: &Simple) -> Result<Option<Command>, Trouble> {
    let [word] = so_far.words.as_slice() else { return Ok(None) };
    let Some(mut name) = word.bare().map(str::to_owned) else { return Ok(None) };
    l.blanks();
    if name == "function" {
        name = l.identifier();
        l.blanks();
        if l.take("(") {
            expect(l, ")")?;
        }
    } else if l.sees("(") {
        l.take("(");
        expect(l, ")")?;
    } else {
        return Ok(None);
    }
    newlines(l);
    Ok(Some(Command::Function(name, Arc::new(command(l)?))))
}
