//! `find`, with the tests people use: names, kinds, sizes, depth, `-exec`, `-delete`.

use crate::sim::shell::{
    call,
    fs::{Content, Node, split},
    pattern::Pattern,
    process::{Done, Process},
};

#[derive(Debug)]
enum Test {
    Name(Pattern, bool),
    Path(Pattern),
    Kind(char),
    Size(char, u64, u64),
    Empty,
    Newer(jiff::Timestamp),
    Perm(u32),
}

#[derive(Debug, PartialEq)]
enum Act {
    Print(char),
    Delete,
    Run(Vec<String>, bool),
}

/// Tests of which all must hold (negated when true), and what is done then; alternatives.
#[derive(Debug, Default)]
struct Branch {
    tests: Vec<(bool, Test)>,
    acts: Vec<Act>,
}

#[derive(Debug, Default)]
struct Query {
    branches: Vec<Branch>,
    least: usize,
    most: Option<usize>,
    depth_first: bool,
}

pub async fn find(p: &mut Process, argv: &[String]) -> Done {
    let begins = |a: &String| a.starts_with('-') || a == "!" || a == "(";
    let split_at = argv[1..].iter().position(begins).map_or(argv.len(), |i| i + 1);
    let here = [".".to_owned()];
    let roots = if split_at == 1 { &here[..] } else { &argv[1..split_at] };
    let query = match query(p, &argv[split_at..]) {
        Ok(query) => query,
        Err(why) => {
            p.err(format!("find: {why}")).await;
            return Ok(1);
        }
    };
    let (mut code, mut gathered) = (0, Vec::new());
    for root in roots {
        let all = match p.fs.walk(&p.path(root), &p.who) {
            Ok(mut all) => {
                if query.depth_first {
                    all.reverse();
                }
                all
            }
            Err(why) => {
                p.err(format!("find: '{root}': {why}")).await;
                code = 1;
                continue;
            }
        };
        for (rest, node) in all {
            p.step().await?;
            let level = rest.matches('/').count();
            if level < query.least || query.most.is_some_and(|most| level > most) {
                continue;
            }
            let shown = match root.as_str() {
                "/" if rest.is_empty() => "/".to_owned(),
                root => format!("{}{rest}", root.trim_end_matches('/')),
            };
            for branch in &query.branches {
                if branch.tests.iter().all(|(not, test)| test.holds(p, &shown, &node) != *not) {
                    for act in &branch.acts {
                        code |= perform(p, act, &shown, &mut gathered).await?;
                    }
                    break;
                }
            }
        }
    }
    for (command, files) in gathered {
        let argv: Vec<String> = command.into_iter().chain(files).collect();
        code |= call::external(p, &argv).await?;
    }
    Ok(code)
}

type Gathered = Vec<(Vec<String>, Vec<String>)>;

async fn perform(p: &mut Process, act: &Act, path: &str, gathered: &mut Gathered) -> Done {
    match act {
        Act::Print(end) => {
            p.out(format!("{path}{end}")).await?;
            Ok(0)
        }
        Act::Delete => match p.fs.remove(&p.path(path), false, &p.who) {
            Ok(()) => Ok(0),
            Err(why) => {
                p.err(super::wording::said(p, format!("find: cannot delete '{path}': {why}")))
                    .await;
                Ok(1)
            }
        },
        Act::Run(command, true) => {
            match gathered.iter_mut().find(|(known, _)| known == command) {
                Some((_, files)) => files.push(path.to_owned()),
                None => gathered.push((command.clone(), vec![path.to_owned()])),
            }
            Ok(0)
        }
        Act::Run(command, false) => {
            let argv: Vec<String> = command.iter().map(|w| w.replace("{}", path)).collect();
            call::external(p, &argv).await.map(|_| 0)
        }
    }
}

impl Test {
    fn holds(&self, p: &Process, path: &str, node: &Node) -> bool {
        match self {
            Test::Name(pattern, any_case) => {
                let name = if path == "/" { "/" } else { split(path).1 };
                if *any_case {
                    pattern.matches(&name.to_lowercase())
                } else {
                    pattern.matches(name)
                }
            }
            Test::Path(pattern) => pattern.matches(path),
            Test::Kind(kind) => match node.content {
                Content::Directory => *kind == 'd',
                Content::Link(_) => *kind == 'l',
                Content::Device(_) => *kind == 'c',
                _ => *kind == 'f',
            },
            Test::Size(sign, count, unit) => {
                let size = (node.size() as u64).div_ceil(*unit);
                match sign {
                    '+' => size > *count,
                    '-' => size < *count,
                    _ => size == *count,
                }
            }
            Test::Empty => match &node.content {
                Content::Directory => {
                    p.fs.list(&p.path(path), &p.who).is_ok_and(|list| list.is_empty())
                }
                Content::File(bytes) => bytes.is_empty(),
                _ => false,
            },
            Test::Newer(than) => node.changed > *than,
            Test::Perm(bits) => node.mode & 0o7777 == *bits,
        }
    }
}

fn query(p: &Process, args: &[String]) -> Result<Query, String> {
    let mut query = Query { branches: vec![Branch::default()], ..Query::default() };
    let mut args = args.iter();
    let mut negated = false;
    while let Some(word) = args.next() {
        let mut value = || args.next().cloned().ok_or(format!("missing argument to `{word}'"));
        let mut act = None;
        let test = match word.as_str() {
            "!" | "-not" => {
                negated = !negated;
                continue;
            }
            "-a" | "-and" | "(" | ")" => continue,
            "-o" | "-or" => {
                query.branches.push(Branch::default());
                continue;
            }
            "-maxdepth" => {
                query.most = value()?.parse().ok();
                continue;
            }
            "-mindepth" => {
                query.least = value()?.parse().unwrap_or(0);
                continue;
            }
            "-depth" | "-xdev" | "-mount" | "-follow" => {
                query.depth_first |= word == "-depth";
                continue;
            }
            "-name" => Some(Test::Name(Pattern::of(&value()?), false)),
            "-iname" => Some(Test::Name(Pattern::of(&value()?.to_lowercase()), true)),
            "-path" | "-wholename" => Some(Test::Path(Pattern::of(&value()?))),
            "-type" => Some(Test::Kind(value()?.chars().next().unwrap_or('f'))),
            "-empty" => Some(Test::Empty),
            "-size" => Some(size(&value()?)?),
            "-newer" => {
                let file = value()?;
                let node = p.fs.stat(&p.path(&file), &p.who);
                Some(Test::Newer(node.map_err(|why| format!("'{file}': {why}"))?.changed))
            }
            "-perm" => {
                let text = value()?;
                let bits = u32::from_str_radix(text.trim_start_matches(['-', '/']), 8);
                Some(Test::Perm(bits.map_err(|_| format!("invalid mode '{text}'"))?))
            }
            "-print" => {
                act = Some(Act::Print('\n'));
                None
            }
            "-print0" => {
                act = Some(Act::Print('\0'));
                None
            }
            "-delete" => {
                query.depth_first = true;
                act = Some(Act::Delete);
                None
            }
            "-exec" => {
                let mut command: Vec<String> = Vec::new();
                let end = loop {
                    match args.next().map(String::as_str) {
                        Some(end @ (";" | "+")) => break end,
                        Some(word) => command.push(word.to_owned()),
                        None => return Err("missing argument to `-exec'".into()),
                    }
                };
                let many = end == "+";
                if many {
                    command.retain(|w| w != "{}");
                }
                act = Some(Act::Run(command, many));
                None
            }
            other => return Err(format!("unknown predicate `{other}'")),
        };
        let Some(branch) = query.branches.last_mut() else { break };
        branch.tests.extend(test.map(|t| (std::mem::take(&mut negated), t)));
        branch.acts.extend(act);
    }
    if query.branches.iter().all(|b| b.acts.is_empty()) {
        query.branches.iter_mut().for_each(|b| b.acts.push(Act::Print('\n')));
    }
    Ok(query)
}

fn size(text: &str) -> Result<Test, String> {
    let sign = text.chars().next().filter(|c| "+-".contains(*c)).unwrap_or('=');
    let plain = text.trim_start_matches(['+', '-']);
    let digits = plain.trim_end_matches(char::is_alphabetic);
    let unit = match &plain[digits.len()..] {
        "c" => 1,
        "k" => 1024,
        "M" => 1 << 20,
        "G" => 1 << 30,
        _ => 512,
    };
    let count = digits.parse().map_err(|_| format!("invalid argument `{text}' to `-size'"))?;
    Ok(Test::Size(sign, count, unit))
}
