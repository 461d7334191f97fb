//! What a shell script looks like once read. Source of the grammar: POSIX.1 "Shell Command
//! Language", with the parts of bash that people type.

use std::sync::Arc;

/// Statements, one after the other.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct List(pub Vec<Item>);

/// One statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// The first pipeline.
    pub first: Pipeline,
    /// What follows after `&&` (true) or `||` (false).
    pub rest: Vec<(bool, Pipeline)>,
    /// Whether it ended with `&`.
    pub background: bool,
}

/// Commands joined by `|`.
#[derive(Debug, Clone, PartialEq)]
pub struct Pipeline {
    /// Whether `!` stands before it.
    pub negated: bool,
    /// The commands.
    pub commands: Vec<Command>,
}

/// One command.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Words.
    Simple(Simple),
    /// A loop, group or condition, with redirections of the whole.
    Compound(Box<Compound>, Vec<Redirect>),
    /// The definition of a function.
    Function(String, Arc<Command>),
}

/// Assignments, words and redirections.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Simple {
    /// `NAME=value` before the command; true for `NAME+=value`.
    pub assigns: Vec<(String, bool, Word)>,
    /// The command and its arguments.
    pub words: Vec<Word>,
    /// Redirections.
    pub redirects: Vec<Redirect>,
    /// Line it stands on, from 1.
    pub line: u32,
}

/// Commands made of lists.
#[derive(Debug, Clone, PartialEq)]
pub enum Compound {
    /// `{ …; }`
    Group(List),
    /// `( … )`
    Subshell(List),
    /// `if … then …`, with the `elif`s, and `else`.
    If(Vec<(List, List)>, Option<List>),
    /// `while` (or, when true, `until`): condition and body.
    While(bool, List, List),
    /// `for NAME in …`; without words it runs over the arguments.
    For(String, Option<Vec<Word>>, List),
    /// `for ((start; condition; step))`.
    Count([String; 3], List),
    /// `case WORD in`, patterns and their lists.
    Case(Word, Vec<(Vec<Word>, List)>),
    /// `[[ … ]]`
    Test(Vec<Word>),
    /// `(( … ))`
    Arithmetic(String),
}

/// A redirection.
#[derive(Debug, Clone, PartialEq)]
pub struct Redirect {
    /// The descriptor, where one is written.
    pub fd: Option<u32>,
    /// What is done.
    pub action: Action,
    /// File, descriptor or text.
    pub target: Word,
}

/// What a redirection does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Action {
    /// `<`
    Read,
    /// `>` and `>|`
    Write,
    /// `>>`
    Append,
    /// `>&` and `<&`
    Duplicate,
    /// `&>`: both outputs.
    Both,
    /// `&>>`
    BothAppend,
    /// `<<` (the text is the target) and `<<<`.
    Text,
}

/// A word before expansion.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Word(pub Vec<Part>);

/// Part of a word. The flag says whether it stands in double quotes.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// Bare text, in which `*`, `?`, `[` match names.
    Bare(String),
    /// Text to be taken as it is.
    Quoted(String),
    /// A variable.
    Param(Box<Param>, bool),
    /// `$(…)`
    Command(List, bool),
    /// `$((…))`
    Arithmetic(String, bool),
}

/// A variable and what is done to its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Param {
    /// Name, number, or one of `?$!#@*-0`.
    pub name: String,
    /// What is done.
    pub op: Op,
}

/// What is done to the value of a variable.
#[derive(Debug, Clone, PartialEq)]
pub enum Op {
    /// Nothing.
    Plain,
    /// `${#NAME}`
    Length,
    /// `-`, `=`, `?` or `+`; whether an empty value counts as none (`:-`); the word.
    Else(char, bool, Word),
    /// `#` or `%`, whether the longest match; the pattern.
    Trim(char, bool, Word),
    /// `${NAME/pattern/text}`, whether all.
    Replace(bool, Word, Word),
    /// `${NAME:offset:length}`
    Slice(String, Option<String>),
    /// `^`, `^^`, `,` or `,,`.
    Case(&'static str),
}

impl Word {
    /// The text of a word without expansions, if it is one.
    pub fn literal(&self) -> Option<String> {
        self.0.iter().try_fold(String::new(), |text, part| match part {
            Part::Bare(t) | Part::Quoted(t) => Some(text + t),
            _ => None,
        })
    }

    /// The text of a bare word: nothing in it is quoted.
    pub fn bare(&self) -> Option<&str> {
        match self.0.as_slice() {
            [Part::Bare(text)] => Some(text),
            _ => None,
        }
    }
}
