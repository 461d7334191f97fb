//! Format strings that stand in the source: their clauses must fit what they are given.
//! Source: cel-go `ext/formatting.go` (`stringFormatValidator`).

use crate::cel::types::Type;

/// What is wrong, and with which argument, if it is one.
type Wrong = (Option<usize>, String);

/// Checks a format string against the types of its arguments.
pub(super) fn check(form: &str, args: &[&Type]) -> Result<(), Wrong> {
    let mut next = 0;
    let mut rest = form.chars().peekable();
    while let Some(c) = rest.next() {
        if c != '%' {
            continue;
        }
        if rest.next_if_eq(&'%').is_some() {
            continue;
        }
        let Some(ty) = args.get(next) else {
            return Err((None, format!("index {next} out of range")));
        };
        let mut verb = rest.next().ok_or((None, "unexpected end of string".to_owned()))?;
        if verb == '.' {
            let parsing = "could not parse formatting clause: error while parsing precision";
            let open = || (None, format!("{parsing}: could not find end of precision specifier"));
            while rest.next_if(char::is_ascii_digit).is_some() {}
            verb = rest.next().ok_or_else(open)?;
        }
        clause(verb, ty).map_err(|(is_type, why)| (is_type.then_some(next), why))?;
        next += 1;
    }
    if args.len() > next {
        let given = args.len();
        let why =
            format!("too many arguments supplied to string.format (expected {next}, got {given})");
        return Err((None, why));
    }
    Ok(())
}

fn clause(verb: char, ty: &Type) -> Result<(), (bool, String)> {
    let name = match ty {
        Type::Dyn | Type::Error => return Ok(()),
        Type::Plain(name) => *name,
        _ => "",
    };
    let (what, fits): (&str, &[&str]) = match verb {
        's' => {
            let printable = match ty {
                Type::Plain(name) => !name.contains('.'),
                Type::List(_) | Type::Map(..) | Type::Type(_) => true,
                _ => false,
            };
            let what = "string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps";
            (what, if printable { &[] } else { &["no type"] })
        }
        'd' => ("decimal clause can only be used on integers", &["int", "uint"]),
        'f' => ("fixed-point clause can only be used on doubles", &["double", "string"]),
        'e' => ("scientific clause can only be used on doubles", &["double", "string"]),
        'b' => ("only integers and bools can be formatted as binary", &["int", "uint", "bool"]),
        'x' | 'X' => (
            "only integers, byte buffers, and strings can be formatted as hex",
            &["int", "uint", "string", "bytes"],
        ),
        'o' => ("octal clause can only be used on integers", &["int", "uint"]),
        _ => {
            let why = format!(
                "could not parse formatting clause: unrecognized formatting clause \"{verb}\""
            );
            return Err((false, why));
        }
    };
    if fits.is_empty() || fits.contains(&name) {
        return Ok(());
    }
    Err((true, format!("error during formatting: {what}, was given {}", bare(ty))))
}

/// A type's name without its parameters.
fn bare(ty: &Type) -> String {
    let text = ty.to_string();
    match text.split_once('(') {
        Some((name, _)) => name.to_owned(),
        None if text == "timestamp" => "google.protobuf.Timestamp".into(),
        None if text == "duration" => "google.protobuf.Duration".into(),
        None => text,
    }
}
