//! The shell's own commands about variables and options.

use super::super::{
    expand,
    options::Known,
    process::{Done, Process, Variable},
};

pub async fn shift(p: &mut Process, argv: &[String]) -> Done {
    let by = argv.get(1).and_then(|a| a.parse().ok()).unwrap_or(1);
    if by > p.args.len() {
        return Ok(1);
    }
    p.args.drain(..by);
    Ok(0)
}

pub async fn export(p: &mut Process, argv: &[String]) -> Done {
    let names: Vec<&String> = argv[1..].iter().filter(|a| !a.starts_with('-')).collect();
    if names.is_empty() {
        let mut text = String::new();
        for (name, v) in p.vars.iter().filter(|(_, v)| v.exported) {
            text.push_str(&format!("declare -x {name}=\"{}\"\n", v.value));
        }
        p.out(text).await?;
        return Ok(0);
    }
    mark(p, &argv[0], &names, |v| v.exported = true).await
}

pub async fn readonly(p: &mut Process, argv: &[String]) -> Done {
    let names: Vec<&String> = argv[1..].iter().filter(|a| !a.starts_with('-')).collect();
    mark(p, &argv[0], &names, |v| v.read_only = true).await
}

/// Assigns `NAME=value` arguments and changes what is known of the variables.
async fn mark(
    p: &mut Process,
    command: &str,
    words: &[&String],
    change: impl Fn(&mut Variable),
) -> Done {
    let mut code = 0;
    for word in words {
        let (name, value) =
            word.split_once('=').map_or((word.as_str(), None), |(n, v)| (n, Some(v)));
        if !is_name(name) {
            p.say(format!("{command}: `{word}': not a valid identifier")).await;
            code = 1;
            continue;
        }
        if value.is_some() && p.vars.get(name).is_some_and(|v| v.read_only) {
            p.say(format!("{name}: readonly variable")).await;
            code = 1;
            continue;
        }
        let variable = p.vars.entry(name.to_owned()).or_default();
        if let Some(value) = value {
            variable.value = value.to_owned();
        }
        change(variable);
    }
    Ok(code)
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

pub async fn declare(p: &mut Process, argv: &[String]) -> Done {
    let exported = argv[1..].iter().any(|a| a.starts_with('-') && a.contains('x'));
    let words: Vec<&String> = argv[1..].iter().filter(|a| !a.starts_with('-')).collect();
    let local = argv[0] == "local" || !p.locals.is_empty();
    for word in words.iter().filter(|_| local) {
        let name = word.split('=').next().unwrap_or(word).to_owned();
        let old = p.vars.get(&name).cloned();
        let bare = !word.contains('=');
        let Some(frame) = p.locals.last_mut() else {
            p.say("local: can only be used in a function").await;
            return Ok(1);
        };
        frame.entry(name.clone()).or_insert(old);
        if bare {
            p.vars.remove(&name);
        }
    }
    mark(p, &argv[0], &words, |v| v.exported |= exported).await
}

pub async fn unset(p: &mut Process, argv: &[String]) -> Done {
    for name in argv[1..].iter().filter(|a| !a.starts_with('-')) {
        if p.vars.get(name).is_some_and(|v| v.read_only) {
            p.say(format!("unset: {name}: cannot unset: readonly variable")).await;
            return Ok(1);
        }
        if p.vars.remove(name).is_none() {
            p.functions.remove(name);
        }
    }
    Ok(0)
}

pub async fn set(p: &mut Process, argv: &[String]) -> Done {
    if argv.len() == 1 {
        let all = p.vars.iter().map(|(n, v)| format!("{n}={}\n", quoted(&v.value)));
        let text: String = all.collect();
        p.out(text).await?;
        return Ok(0);
    }
    let mut rest = argv[1..].iter();
    while let Some(arg) = rest.next() {
        let on = arg.starts_with('-');
        if arg == "--" {
            p.args = rest.cloned().collect();
            return Ok(0);
        }
        if !(on || arg.starts_with('+')) || arg.len() < 2 {
            p.args = std::iter::once(arg).chain(rest).cloned().collect();
            return Ok(0);
        }
        for letter in arg[1..].chars() {
            match letter {
                'e' => p.flags.errexit = on,
                'u' => p.flags.nounset = on,
                'x' => p.flags.xtrace = on,
                'f' => p.flags.noglob = on,
                'o' => match rest.next().map(String::as_str) {
                    Some("pipefail") => p.flags.pipefail = on,
                    Some("errexit") => p.flags.errexit = on,
                    Some("nounset") => p.flags.nounset = on,
                    Some("xtrace") => p.flags.xtrace = on,
                    _ => {}
                },
                _ => {}
            }
        }
    }
    Ok(0)
}

/// A value as `set` prints it.
pub fn quoted(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:,@%+=".contains(c);
    if value.chars().all(plain) {
        value.into()
    } else {
        format!("'{}'", value.replace('\'', "'\\''"))
    }
}

pub async fn read(p: &mut Process, argv: &[String]) -> Done {
    let known = Known::letters("rsp:t:n:d:a:u:");
    let options = match known.read(&argv[1..]) {
        Ok(options) => options,
        Err(why) => {
            p.say(format!("read: {why}")).await;
            return Ok(2);
        }
    };
    if let Some(prompt) = options.value('p').filter(|_| p.terminal.is_some()) {
        // A prompt nobody sees does no harm.
        let _ = p.stderr.write(prompt.as_bytes()).await;
    }
    let line = match options.value('t').and_then(|t| t.parse::<f64>().ok()) {
        None => p.stdin.line().await?,
        Some(seconds) => {
            let time = jiff::SignedDuration::try_from_secs_f64(seconds.clamp(0.0, 1e9));
            let limit = std::pin::pin!(p.sleep(time.unwrap_or_default()));
            let line = std::pin::pin!(p.stdin.line());
            match futures_util::future::select(line, limit).await {
                futures_util::future::Either::Left((line, _)) => line?,
                futures_util::future::Either::Right(_) => return Ok(142),
            }
        }
    };
    p.budget.spend(1)?;
    let whole = line.as_ref().is_some_and(|l| l.ends_with(b"\n"));
    let text = String::from_utf8_lossy(&line.unwrap_or_default()).trim_end_matches('\n').to_owned();
    let text = if options.has('r') { text } else { text.replace('\\', "") };
    let ifs = p.var("IFS").unwrap_or(" \t\n").to_owned();
    let names = if options.rest.is_empty() { vec!["REPLY".to_owned()] } else { options.rest };
    let blank = |c: char| ifs.contains(c);
    let mut rest = text.trim_start_matches(|c| blank(c) && char::is_whitespace(c));
    let last = names.len() - 1;
    for (i, name) in names.into_iter().enumerate() {
        let end = if i == last { rest.len() } else { rest.find(blank).unwrap_or(rest.len()) };
        let value = &rest[..end];
        p.set(&name, value.trim_end_matches(|c| blank(c) && char::is_whitespace(c)));
        rest = rest[end..].strip_prefix(blank).unwrap_or(&rest[end..]);
        rest = rest.trim_start_matches(|c| blank(c) && char::is_whitespace(c));
    }
    Ok(i32::from(!whole))
}

pub async fn calculate(p: &mut Process, argv: &[String]) -> Done {
    let mut value = 0;
    for expression in &argv[1..] {
        value = expand::number(p, expression).await?;
    }
    Ok(i32::from(value == 0))
}
