//! What a security context asks of Windows and of AppArmor.
//!
//! Source: `validateWindowsSecurityContextOptions`, `ValidateAppArmorProfileField`.

use crate::{error::Causes, kinds::workloads::field::Field, object::name};

/// Largest description of a group-managed service account, in KiB.
const CREDENTIALS: usize = 64;
/// Longest domain, exclusive, and longest user of a Windows node.
const DOMAIN: usize = 256;
const USER: usize = 104;
/// Longest path of a profile.
const PATH: usize = 4095;

/// `windowsOptions`.
pub fn windows(options: &Field<'_>, out: &mut Causes) {
    let name = options.get("gmsaCredentialSpecName");
    if name.is_set() {
        name.problems(out, name::subdomain_problems(name.text()));
    }
    let spec = options.get("gmsaCredentialSpec");
    if spec.is_set() {
        match spec.text().len() {
            0 => spec.invalid(out, "gmsaCredentialSpec cannot be an empty string"),
            long if long > CREDENTIALS << 10 => spec
                .invalid(out, format!("gmsaCredentialSpec size must be under {CREDENTIALS} KiB")),
            _ => {}
        }
    }
    let user = options.get("runAsUserName");
    if user.is_set() {
        user.problems(out, account(user.text()));
    }
}

/// What is wrong with `DOMAIN\user`, the domain being optional.
fn account(text: &str) -> Vec<String> {
    let one = |why: &str| vec![why.to_owned()];
    if text.is_empty() {
        return one("runAsUserName cannot be an empty string");
    }
    if text.bytes().any(|b| b.is_ascii_control()) {
        return one("runAsUserName cannot contain control characters");
    }
    let (domain, user) = match text.split_once('\\') {
        Some((_, user)) if user.contains('\\') => {
            return one("runAsUserName cannot contain more than one backslash");
        }
        Some((domain, user)) => (Some(domain), user),
        None => (None, text),
    };
    let mut out = Vec::new();
    if domain.is_some_and(|d| d.len() >= DOMAIN) {
        out.push(format!("runAsUserName's Domain length must be under {DOMAIN} characters"));
    }
    if domain.is_some_and(|d| !is_netbios(d) && !is_dns(d)) {
        out.push("runAsUserName's Domain doesn't match the NetBios nor the DNS format".into());
    }
    if user.is_empty() {
        out.push("runAsUserName's User cannot be empty".into());
    } else if user.len() > USER {
        out.push(format!("runAsUserName's User length must not be longer than {USER} characters"));
    }
    if !user.is_empty() && user.chars().all(|c| matches!(c, '.' | ' ')) {
        out.push("runAsUserName's User cannot contain only periods or spaces".into());
    }
    if user.contains(|c| "\"/\\:;|=,+*?<>@[]".contains(c)) {
        let why = "runAsUserName's User cannot contain the following characters:";
        out.push(format!("{why} \"/\\:;|=,+*?<>@[]"));
    }
    out
}

fn is_netbios(domain: &str) -> bool {
    (1..=15).contains(&domain.chars().count())
        && !domain.starts_with('.')
        && !domain.contains(|c| "\\/:*?\"<>|".contains(c))
}

fn is_dns(domain: &str) -> bool {
    domain.split('.').all(|label| {
        let edge = |at: Option<u8>| at.is_some_and(|b| b.is_ascii_alphanumeric());
        label.len() <= 63
            && edge(label.bytes().next())
            && edge(label.bytes().next_back())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    })
}

/// `appArmorProfile`.
pub fn apparmor(profile: &Field<'_>, out: &mut Causes) {
    const MISSING: &str = "must be set when AppArmor type is Localhost";
    if !profile.is_set() {
        return;
    }
    let (kind, local) = (profile.get("type"), profile.get("localhostProfile"));
    match kind.text() {
        "" => kind.required(out, "type is required when appArmorProfile is set"),
        "Localhost" => {
            let text = local.text();
            if text.trim() != text {
                local.invalid(out, "must not be padded with whitespace");
            } else if text.is_empty() {
                local.required(out, MISSING);
            }
            if text.len() > PATH {
                out.too_long(&local.path, PATH);
            }
        }
        "RuntimeDefault" | "Unconfined" => {
            if local.is_set() {
                local.invalid(out, "can only be set when AppArmor type is Localhost");
            }
        }
        _ => kind.unsupported(out, &["Localhost", "RuntimeDefault", "Unconfined"]),
    }
}

#[test]
fn accounts_of_windows() {
    let good = ["ContainerAdministrator", "u ", "dom\\u", "a.b.example.com\\u", "d-1_x\\u"];
    for text in good {
        assert!(account(text).is_empty(), "{text}");
    }
    let rows = [
        ("", "an empty string"),
        ("a\tb", "control characters"),
        ("a\\b\\c", "one backslash"),
        ("a\\", "User cannot be empty"),
        (".a\\b", "Domain doesn't match"),
        ("... ", "only periods or spaces"),
        ("a/b", "following characters"),
    ];
    for (text, why) in rows {
        let said = account(text);
        assert!(said.len() == 1 && said[0].contains(why), "{text}: {said:?}");
    }
    assert_eq!(account(&format!("\\{}", "y".repeat(200))).len(), 2);
}
