//! The commands found in files: small versions of what GNU coreutils and their neighbours do.

mod archive;
mod awk;
mod busybox;
mod bytes;
mod checksums;
mod dd;
mod files;
mod find;
mod grep;
mod gzip;
mod kernel;
mod launch;
mod lines;
mod listing;
pub mod moments;
mod net;
pub mod printf;
mod sed;
mod system;
mod text;
pub mod users;
mod wording;

use super::{
    builtins::{self, run},
    crictl,
    io::{Input, LARGEST},
    machine::NetError,
    options::{Known, Options},
    process::{Main, Process, Stop},
};

/// The commands, by name.
pub const TABLE: &[(&str, Main)] = &[
    ("[", run!(super::test::single)),
    ("arch", run!(system::arch)),
    ("ash", run!(builtins::shell)),
    ("awk", run!(awk::awk)),
    ("base64", run!(text::base64)),
    ("basename", run!(text::basename)),
    ("bash", run!(builtins::shell)),
    ("bash-4.4", run!(builtins::shell)),
    ("bash-debian", run!(builtins::shell)),
    ("busybox", run!(busybox::busybox)),
    ("cat", run!(text::cat)),
    ("chgrp", run!(files::chown)),
    ("chmod", run!(files::chmod)),
    ("chown", run!(files::chown)),
    ("chroot", run!(launch::chroot)),
    ("clear", run!(system::clear)),
    ("cp", run!(files::cp)),
    ("crictl", run!(crictl::run)),
    ("curl", run!(net::curl::old)),
    ("curl-8", run!(net::curl::new)),
    ("cut", run!(lines::cut)),
    ("dash", run!(builtins::shell)),
    ("date", run!(moments::date)),
    ("dd", run!(dd::dd)),
    ("df", run!(listing::df)),
    ("dig", run!(net::dig::dig)),
    ("dirname", run!(text::basename)),
    ("du", run!(listing::du)),
    ("echo", run!(builtin)),
    ("egrep", run!(grep::grep)),
    ("env", run!(launch::env)),
    ("expr", run!(text::expr)),
    ("false", run!(builtin)),
    ("fgrep", run!(grep::grep)),
    ("find", run!(find::find)),
    ("free", run!(system::free)),
    ("getent", run!(net::getent::getent)),
    ("grep", run!(grep::grep)),
    ("groups", run!(users::groups)),
    ("gunzip", run!(gzip::gzip)),
    ("gzip", run!(gzip::gzip)),
    ("hd", run!(bytes::hexdump)),
    ("head", run!(text::head)),
    ("hexdump", run!(bytes::hexdump)),
    ("host", run!(net::nslookup::host)),
    ("hostname", run!(system::hostname)),
    ("id", run!(users::id)),
    ("install", run!(files::cp)),
    ("ip", run!(kernel::ip)),
    ("ip-busybox", run!(kernel::ip_busybox)),
    ("kill", run!(builtin)),
    ("ln", run!(files::ln)),
    ("ls", run!(listing::ls)),
    ("md5sum", run!(checksums::sums)),
    ("mkdir", run!(files::mkdir)),
    ("mktemp", run!(files::mktemp)),
    ("mount", run!(listing::mount)),
    ("mv", run!(files::mv)),
    ("nc", run!(net::netcat::nmap)),
    ("nc-busybox", run!(net::netcat::busybox)),
    ("nc-openbsd", run!(net::netcat::openbsd)),
    ("nproc", run!(system::nproc)),
    ("nslookup", run!(net::nslookup::bind)),
    ("nslookup-busybox", run!(net::nslookup::busybox)),
    ("od", run!(bytes::od)),
    ("printenv", run!(launch::printenv)),
    ("printf", run!(builtin)),
    ("ps", run!(system::ps)),
    ("pwd", run!(builtin)),
    ("readlink", run!(files::readlink)),
    ("realpath", run!(files::readlink)),
    ("reset", run!(system::clear)),
    ("rev", run!(lines::rev)),
    ("rm", run!(files::rm)),
    ("rmdir", run!(files::rmdir)),
    ("sed", run!(sed::sed)),
    ("seq", run!(text::seq)),
    ("sha1sum", run!(checksums::sums)),
    ("sha256sum", run!(checksums::sums)),
    ("sha384sum", run!(checksums::sums)),
    ("sha512sum", run!(checksums::sums)),
    ("sleep", run!(moments::sleep)),
    ("sort", run!(lines::sort)),
    ("stat", run!(listing::stat)),
    ("stty", run!(system::stty)),
    ("sync", run!(system::nothing)),
    ("sysctl", run!(kernel::sysctl)),
    ("systemctl", run!(system::systemctl)),
    ("tac", run!(lines::rev)),
    ("tail", run!(text::tail)),
    ("tar", run!(archive::tar)),
    ("tee", run!(text::tee)),
    ("test", run!(super::test::single)),
    ("timeout", run!(moments::timeout)),
    ("touch", run!(files::touch)),
    ("tr", run!(lines::tr)),
    ("true", run!(builtin)),
    ("tty", run!(system::tty)),
    ("uname", run!(system::uname)),
    ("uniq", run!(lines::uniq)),
    ("uptime", run!(moments::uptime)),
    ("wc", run!(text::wc)),
    ("wget", run!(net::wget::gnu)),
    ("wget-busybox", run!(net::wget::busybox)),
    ("which", run!(launch::which)),
    ("whoami", run!(users::whoami)),
    ("xargs", run!(launch::xargs)),
    ("xxd", run!(bytes::xxd)),
    ("yes", run!(text::yes)),
    ("zcat", run!(gzip::gzip)),
];

/// Looks a command up.
pub fn find(name: &str) -> Option<Main> {
    let at = TABLE.binary_search_by(|(n, _)| (*n).cmp(name)).ok()?;
    Some(TABLE[at].1)
}

/// The address of a host, as the C library finds it.
///
/// # Errors
/// It has none.
pub async fn resolved(p: &Process, host: &str) -> Result<std::net::Ipv4Addr, NetError> {
    let found = net::resolve::lookup(p, host).await?;
    found.addresses.first().copied().ok_or(NetError::Unknown)
}

/// Commands that are there as files and as a part of the shell.
async fn builtin(p: &mut Process, argv: &[String]) -> super::process::Done {
    let name = argv[0].rsplit('/').next().unwrap_or(&argv[0]);
    match builtins::find(name) {
        Some(run) => {
            let argv: Vec<String> =
                std::iter::once(name.to_owned()).chain(argv[1..].iter().cloned()).collect();
            run(p, &argv).await
        }
        None => Ok(127),
    }
}

/// A command's own name.
fn own(argv: &[String]) -> &str {
    argv[0].rsplit('/').next().unwrap_or(&argv[0])
}

/// Reads options; says what is wrong with them.
async fn options(p: &Process, argv: &[String], known: &Known) -> Option<Options> {
    match known.read(&argv[1..]) {
        Ok(options) => Some(options),
        Err(why) => {
            let name = own(argv);
            p.err(format!("{name}: {why}\nTry '{name} --help' for more information.")).await;
            None
        }
    }
}

/// The contents of files (`-` and none at all are standard input), with the names they were given
/// by. What cannot be read is said, and makes the code 1.
async fn inputs(
    p: &Process,
    command: &str,
    files: &[String],
) -> Result<(Vec<(String, Vec<u8>)>, i32), Stop> {
    let (mut found, mut code) = (Vec::new(), 0);
    let dash = ["-".to_owned()];
    let files = if files.is_empty() { &dash } else { files };
    for file in files {
        match opened(p, command, file).await {
            Some(input) => {
                let bytes = input.all(LARGEST).await?;
                p.budget.spend(bytes.len() / 256 + 1)?;
                found.push((file.clone(), bytes));
            }
            None => code = 1,
        }
    }
    Ok((found, code))
}

/// Opens a file (`-` is standard input); says why it cannot.
async fn opened(p: &Process, command: &str, file: &str) -> Option<Input> {
    if file == "-" {
        return Some(p.stdin.clone());
    }
    match super::redirect::source(p, file) {
        Ok(input) => Some(input),
        Err(why) => {
            p.err(wording::unopened(p, command, file, why)).await;
            None
        }
    }
}

/// The next bytes of what a command only passes by, paid for.
async fn passing(p: &Process, input: &Input) -> Result<Option<Vec<u8>>, Stop> {
    let chunk = input.chunk().await;
    p.budget.spend(chunk.as_ref().map_or(0, Vec::len) / 256)?;
    p.step().await?;
    Ok(chunk)
}

/// Lines without their ends.
fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let none = bytes.is_empty();
    bytes.split(|b| *b == b'\n').skip(usize::from(none))
}

/// A regular expression of bounded size and time.
///
/// # Errors
/// It is none.
pub fn regex(text: &str) -> Result<regex::Regex, regex::Error> {
    regex::RegexBuilder::new(text).size_limit(1 << 20).dfa_size_limit(1 << 20).build()
}

/// A basic regular expression in the form the engine reads: there `\(`, `\{`, `\|`, `\+`, `\?`
/// are special and the bare characters are not.
fn basic(text: &str) -> String {
    let (mut out, mut chars) = (String::new(), text.chars().peekable());
    let mut start = true;
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some(c @ ('(' | ')' | '{' | '}' | '|' | '+' | '?')) => out.push(c),
                Some('<' | '>') => out.push_str("\\b"),
                Some(c) => {
                    out.push('\\');
                    out.push(c);
                }
                None => out.push_str("\\\\"),
            },
            '[' => {
                // A set is taken as it is, up to its end.
                out.push('[');
                if chars.peek() == Some(&'^') {
                    out.extend(chars.next());
                }
                if chars.peek() == Some(&']') {
                    chars.next();
                    out.push_str("\\]");
                }
                for c in chars.by_ref() {
                    out.push(c);
                    if c == ']' && !out.ends_with(":]") {
                        break;
                    }
                }
            }
            '(' | ')' | '{' | '}' | '|' | '+' | '?' => {
                out.push('\\');
                out.push(c);
            }
            '*' if start => out.push_str("\\*"),
            c => out.push(c),
        }
        start = out.ends_with('(') && !out.ends_with("\\(") || (c == '^' && out == "^");
    }
    out
}

/// A size with a unit, as `ls -h` and `df -h` show it. Source: GNU `human_readable`, which rounds
/// up.
fn human(bytes: u64) -> String {
    const UNITS: &[&str] = &["", "K", "M", "G", "T", "P"];
    let mut size = bytes as f64;
    let mut unit = 0;
    while size >= 1024.0 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    if unit == 0 {
        return bytes.to_string();
    }
    if size < 9.95 {
        return format!("{:.1}{}", (size * 10.0).ceil() / 10.0, UNITS[unit]);
    }
    format!("{}{}", size.ceil(), UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(TABLE.is_sorted_by_key(|(name, _)| name));
    }

    #[test]
    fn basic_expressions_become_extended_ones() {
        let rows = [
            ("a+b", "a\\+b"),
            ("\\(a\\|b\\)*", "(a|b)*"),
            ("*a", "\\*a"),
            ("[^]x]+", "[^\\]x]\\+"),
            ("a\\.b", "a\\.b"),
            ("^*x", "^\\*x"),
            ("[[:digit:]]x", "[[:digit:]]x"),
        ];
        for (basic, extended) in rows {
            assert_eq!(super::basic(basic), extended, "{basic}");
            assert!(regex(extended).is_ok());
        }
    }

    #[test]
    fn sizes_are_rounded_up() {
        let rows = [(0, "0"), (999, "999"), (1024, "1.0K"), (1025, "1.1K"), (20_000_000, "20M")];
        for (bytes, shown) in rows {
            assert_eq!(human(bytes), shown);
        }
    }
}
