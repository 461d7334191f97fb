//! What a command line will come to, as far as it can be told without running it: commands that
//! wait, say something or end, and loops around them. Whatever reads or changes more than its own
//! output is only known by running it.

use super::{
    ast::{Action, Command, Compound, Item, List, Op, Part, Pipeline, Redirect, Simple, Word},
    builtins::SHELLS,
    parser,
    process::DEEPEST,
};

/// How a command line goes.
#[derive(Debug, Clone, PartialEq)]
pub enum Outlook {
    /// It ends after so many seconds with this code.
    Ends(f64, i32),
    /// It stays; true when it has a trap.
    Stays(bool),
    /// After so many seconds it is the program with this command line.
    Becomes(f64, Vec<String>),
    /// Only running it tells.
    Unknown,
}

/// Most rounds of a loop that are counted.
const ROUNDS: usize = 10_000;

/// Seconds that are as good as for ever.
const FOREVER: f64 = 1e9;

/// How a command line goes; `own` are the programs that are no commands of the shell.
pub fn outlook(argv: &[String], own: &dyn Fn(&str) -> bool) -> Outlook {
    let mut walk =
        Walk { own, at: 0.0, code: 0, traps: false, rounds: 0, depth: 0, listens: false };
    let fate = match walk.call(argv) {
        Ok(()) => Fate::Ends,
        Err(fate) => fate,
    };
    match fate {
        Fate::Ends => Outlook::Ends(walk.at, walk.code),
        // A process that is not a shell any more has no traps.
        Fate::Stays => Outlook::Stays(walk.traps && walk.listens),
        Fate::Becomes(argv) => Outlook::Becomes(walk.at, argv),
        Fate::Unknown => Outlook::Unknown,
    }
}

/// Whether a command line, or the script in it, calls a command by this name.
pub fn calls(argv: &[String], name: &str) -> bool {
    let base = |word: &str| word.rsplit('/').next() == Some(name);
    let script = argv.iter().position(|a| a.starts_with('-') && a.ends_with('c'));
    let list = script.and_then(|i| parser::parse(argv.get(i + 1)?).ok());
    argv.first().is_some_and(|first| base(first))
        || list.is_some_and(|list| {
            list.any(&|simple| {
                simple.words.iter().take(2).filter_map(Word::literal).any(|word| base(&word))
            })
        })
}

/// How it is over before the end of the script.
enum Fate {
    Ends,
    Stays,
    Becomes(Vec<String>),
    Unknown,
}

struct Walk<'a> {
    own: &'a dyn Fn(&str) -> bool,
    at: f64,
    code: i32,
    traps: bool,
    rounds: usize,
    depth: u32,
    /// Whether what runs now is a shell.
    listens: bool,
}

type Step = Result<(), Fate>;

impl Walk<'_> {
    fn list(&mut self, list: &List) -> Step {
        list.0.iter().try_for_each(|item| self.item(item))
    }

    fn item(&mut self, item: &Item) -> Step {
        if item.background {
            return Err(Fate::Unknown);
        }
        self.pipeline(&item.first)?;
        for (and, next) in &item.rest {
            if (self.code == 0) == *and {
                self.pipeline(next)?;
            }
        }
        Ok(())
    }

    fn pipeline(&mut self, pipeline: &Pipeline) -> Step {
        let [command] = pipeline.commands.as_slice() else { return Err(Fate::Unknown) };
        match command {
            Command::Simple(simple) => self.simple(simple)?,
            Command::Compound(compound, redirects) if redirects.is_empty() => {
                self.compound(compound)?;
            }
            _ => return Err(Fate::Unknown),
        }
        if pipeline.negated {
            self.code = i32::from(self.code == 0);
        }
        Ok(())
    }

    fn compound(&mut self, compound: &Compound) -> Step {
        match compound {
            Compound::Group(list) => self.list(list),
            Compound::If(arms, otherwise) => {
                for (condition, then) in arms {
                    self.list(condition)?;
                    if self.code == 0 {
                        return self.list(then);
                    }
                }
                self.code = 0;
                otherwise.as_ref().map_or(Ok(()), |list| self.list(list))
            }
            Compound::While(until, condition, body) => {
                self.list(condition)?;
                if (self.code == 0) == *until {
                    self.code = 0;
                    return Ok(());
                }
                // Nothing in it can leave it or change what is asked.
                self.list(body)?;
                Err(Fate::Stays)
            }
            Compound::For(_, Some(words), body) => {
                self.code = 0;
                for word in words {
                    let text = word.literal().filter(|t| !t.contains(['*', '?', '[', '{', '~']));
                    self.rounds += 1;
                    if text.is_none() || self.rounds > ROUNDS {
                        return Err(Fate::Unknown);
                    }
                    self.list(body)?;
                }
                Ok(())
            }
            _ => Err(Fate::Unknown),
        }
    }

    fn simple(&mut self, simple: &Simple) -> Step {
        let plain = simple.redirects.iter().all(is_harmless)
            && simple.assigns.iter().all(|(_, _, word)| is_quiet(word));
        if !plain {
            return Err(Fate::Unknown);
        }
        let Some((first, rest)) = simple.words.split_first() else {
            self.code = 0;
            return Ok(());
        };
        let Some(name) = first.literal() else { return Err(Fate::Unknown) };
        if matches!(name.as_str(), "echo" | ":") && rest.iter().all(is_quiet) {
            self.code = 0;
            return Ok(());
        }
        let words: Option<Vec<String>> = simple.words.iter().map(plain_text).collect();
        let Some(words) = words.filter(|_| simple.assigns.is_empty()) else {
            return Err(Fate::Unknown);
        };
        match name.as_str() {
            "exit" => Err(self.exit(&words)),
            "exec" if words.len() > 1 => {
                self.listens = false;
                self.call(&words[1..])?;
                Err(Fate::Ends)
            }
            "trap" => self.trap(&words),
            "wait" if words.len() == 1 => Ok(()),
            _ => self.call(&words),
        }
    }

    fn exit(&mut self, words: &[String]) -> Fate {
        match words.get(1).map(|w| w.parse::<i64>()) {
            None => Fate::Ends,
            Some(Ok(code)) => {
                self.code = (code & 255) as i32;
                Fate::Ends
            }
            Some(Err(_)) => Fate::Unknown,
        }
    }

    /// A trap for the end of the shell does something nobody sees here.
    fn trap(&mut self, words: &[String]) -> Step {
        let at_exit = |w: &String| matches!(w.as_str(), "EXIT" | "0" | "ERR" | "DEBUG");
        if words.len() < 3 || words[2..].iter().any(at_exit) {
            return Err(Fate::Unknown);
        }
        (self.traps, self.code) = (true, 0);
        Ok(())
    }

    /// A command with its words as they are.
    fn call(&mut self, words: &[String]) -> Step {
        let Some((first, args)) = words.split_first() else { return Err(Fate::Unknown) };
        let name = first.rsplit('/').next().unwrap_or(first);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        if !SHELLS.contains(&name) && (self.own)(first) {
            return Err(Fate::Becomes(words.to_vec()));
        }
        self.code = 0;
        match (name, args.as_slice()) {
            (shell, args) if SHELLS.contains(&shell) => self.shell(args),
            ("sleep", args) if !args.is_empty() => self.sleep(args),
            ("true" | "echo", _) => Ok(()),
            ("date", args) if args.iter().all(|a| a.starts_with('+') || *a == "-u") => Ok(()),
            ("false", _) => {
                self.code = 1;
                Ok(())
            }
            // Nobody types.
            ("cat", [] | ["-"]) => Ok(()),
            ("tail", ["-f" | "-F", "/dev/null"] | ["/dev/null", "-f" | "-F"]) => Err(Fate::Stays),
            _ => Err(Fate::Unknown),
        }
    }

    /// A shell as the whole command: a shell inside a script is only known by running it.
    fn shell(&mut self, args: &[&str]) -> Step {
        self.depth += 1;
        if self.depth > DEEPEST || (self.listens && self.depth > 1) {
            return Err(Fate::Unknown);
        }
        match args {
            [] => Ok(()),
            ["-c" | "-lc" | "-cl", text, ..] => {
                self.listens = true;
                let Ok(list) = parser::parse(text) else { return Err(Fate::Unknown) };
                self.list(&list)
            }
            _ => Err(Fate::Unknown),
        }
    }

    fn sleep(&mut self, args: &[&str]) -> Step {
        let times = args.iter().map(|a| super::commands::moments::seconds(a));
        let Some(total) = times.sum::<Option<f64>>() else {
            self.code = 1;
            return Ok(());
        };
        if self.at + total >= FOREVER {
            return Err(Fate::Stays);
        }
        self.at += total;
        Ok(())
    }
}

/// A redirection nobody but the command notices.
fn is_harmless(redirect: &Redirect) -> bool {
    let target = redirect.target.literal();
    match redirect.action {
        Action::Duplicate => matches!(target.as_deref(), Some("1" | "2")),
        Action::Read | Action::Write | Action::Append | Action::Both | Action::BothAppend => {
            target.as_deref() == Some("/dev/null")
        }
        Action::Text => false,
    }
}

/// Whether expanding a word does nothing but read variables, and cannot fail.
fn is_quiet(word: &Word) -> bool {
    word.0.iter().all(|part| match part {
        Part::Bare(_) | Part::Quoted(_) => true,
        Part::Param(param, _) => matches!(param.op, Op::Plain | Op::Length),
        Part::Command(list, _) => list.any(&|_| true) && list.is_date(),
        Part::Arithmetic(..) => false,
    })
}

/// The text of a word that stands for itself.
fn plain_text(word: &Word) -> Option<String> {
    let odd = |part: &Part| match part {
        Part::Bare(text) => text.contains(['*', '?', '[', '{']) || text.starts_with('~'),
        Part::Quoted(_) => false,
        _ => true,
    };
    if word.0.iter().any(odd) { None } else { word.literal() }
}

impl List {
    /// Whether a simple command anywhere in it is like this.
    pub fn any(&self, like: &dyn Fn(&Simple) -> bool) -> bool {
        let pipelines = self.0.iter().flat_map(|i| {
            std::iter::once(&i.first).chain(i.rest.iter().map(|(_, pipeline)| pipeline))
        });
        pipelines.flat_map(|p| &p.commands).any(|command| command.any(like))
    }

    /// Whether it is nothing but `date`.
    fn is_date(&self) -> bool {
        let [item] = self.0.as_slice() else { return false };
        let [Command::Simple(simple)] = item.first.commands.as_slice() else { return false };
        let words: Option<Vec<String>> = simple.words.iter().map(plain_text).collect();
        let bare = simple.assigns.is_empty() && simple.redirects.is_empty();
        bare && item.rest.is_empty()
            && words.is_some_and(|w| {
                w.first().is_some_and(|first| first == "date")
                    && w[1..].iter().all(|a| a.starts_with('+'))
            })
    }
}

impl Command {
    fn any(&self, like: &dyn Fn(&Simple) -> bool) -> bool {
        match self {
            Command::Simple(simple) => {
                let inner = |word: &Word| {
                    word.0.iter().any(|p| matches!(p, Part::Command(list, _) if list.any(like)))
                };
                like(simple)
                    || simple.words.iter().any(inner)
                    || simple.assigns.iter().any(|(_, _, word)| inner(word))
            }
            Command::Function(_, body) => body.any(like),
            Command::Compound(compound, _) => compound.lists().iter().any(|list| list.any(like)),
        }
    }
}

impl Compound {
    /// The lists it is made of.
    fn lists(&self) -> Vec<&List> {
        match self {
            Compound::Group(list) | Compound::Subshell(list) => vec![list],
            Compound::If(arms, otherwise) => {
                arms.iter().flat_map(|(a, b)| [a, b]).chain(otherwise).collect()
            }
            Compound::While(_, condition, body) => vec![condition, body],
            Compound::For(_, _, body) | Compound::Count(_, body) => vec![body],
            Compound::Case(_, arms) => arms.iter().map(|(_, list)| list).collect(),
            Compound::Test(_) | Compound::Arithmetic(_) => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Outlook {
        let argv = ["sh", "-c", script].map(str::to_owned);
        outlook(&argv, &|name| name.ends_with("nginx"))
    }

    #[test]
    fn what_can_be_told_is_told_and_nothing_else() {
        use Outlook::{Ends, Stays, Unknown};
        let nginx = |after| Outlook::Becomes(after, vec!["nginx".into(), "-g".into()]);
        let rows = [
            ("for i in 1 2 3; do echo $i; sleep 2; done", Ends(6.0, 0)),
            ("for i in $(seq 1 5); do sleep 1; done; exit 4", Unknown),
            ("echo 'a; exit 3'; sleep 1", Ends(1.0, 0)),
            ("until false; do sleep 1; done", Stays(false)),
            ("while :; do date; sleep 1; done", Stays(false)),
            ("while true;do echo $(date);sleep 5;done", Stays(false)),
            ("while true; do sleep 1; break; done", Unknown),
            ("while true; do sleep 1; exit 3; done", Ends(1.0, 3)),
            ("sleep 3 && exit 2 || exit 5", Ends(3.0, 2)),
            ("exec tail -f /dev/null", Stays(false)),
            ("X=1; sleep 0.5", Ends(0.5, 0)),
            ("echo 'grüße € …'; sleep 1 >/dev/null 2>&1", Ends(1.0, 0)),
            ("trap 'exit 0' TERM; while true; do sleep 1; done", Stays(true)),
            ("trap 'exit 0' TERM; exec sleep inf", Stays(false)),
            ("trap 'echo bye' EXIT; sleep 3", Unknown),
            ("if true; then exit 9; fi", Ends(0.0, 9)),
            ("if [ a = b ]; then exit 9; fi", Unknown),
            ("! true", Ends(0.0, 1)),
            ("echo hi > /tmp/x", Unknown),
            ("echo ${X:?no}", Unknown),
            ("sleep $X", Unknown),
            ("set -e; false; echo no", Unknown),
            ("sleep 2; nginx -g", nginx(2.0)),
            ("exec nginx -g", nginx(0.0)),
            ("f() { return 11; }; f", Unknown),
            ("exit $((2+3))", Unknown),
            ("nope", Unknown),
            ("sleep 5 & wait", Unknown),
            ("if", Unknown),
        ];
        for (script, expected) in rows {
            assert_eq!(sh(script), expected, "{script}");
        }
        let one = |line: &str| {
            let argv: Vec<String> = line.split(' ').map(str::to_owned).collect();
            outlook(&argv, &|_| false)
        };
        assert_eq!(one("/bin/sleep infinity"), Stays(false));
        assert_eq!(one("sh"), Ends(0.0, 0));
        assert_eq!(one("sh -e -c true"), Unknown);
    }

    #[test]
    fn calls_are_found_wherever_they_stand() {
        let rows = [
            ("exec chroot /host true", true),
            ("if true; then x=$(/usr/sbin/chroot /host id); fi", true),
            ("f() { (chroot /host id); }; f", true),
            ("echo no chroot here", false),
        ];
        for (script, expected) in rows {
            let argv = ["sh", "-c", script].map(str::to_owned);
            assert_eq!(calls(&argv, "chroot"), expected, "{script}");
        }
    }
}
