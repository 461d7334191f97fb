//! An event as one line of text.
//! Source: k8s.io/apiserver `pkg/audit/format.go`.

use super::Event;

/// The line.
pub fn line(event: &Event) -> Vec<u8> {
    let or = |text: &str, none: &str| if text.is_empty() { none.to_owned() } else { text.into() };
    let quoted = |all: &[String]| {
        all.iter().map(|one| format!("{one:?}")).collect::<Vec<String>>().join(",")
    };
    let user = &event.user;
    let groups = if user.username.is_empty() { String::new() } else { quoted(&user.groups) };
    let (acting, as_groups) = match &event.impersonated_user {
        None => ("<self>".to_owned(), "<lookup>".to_owned()),
        Some(acting) if acting.groups.is_empty() => (acting.username.clone(), "<lookup>".into()),
        Some(acting) => (acting.username.clone(), quoted(&acting.groups)),
    };
    let namespace = event.object_ref.as_ref().map_or("", |r| &r.namespace);
    let code = event.response_status.as_ref().map(|s| s.code.to_string());
    format!(
        "{} AUDIT: id={:?} stage=\"{:?}\" ip={:?} method={:?} user={:?} groups={:?} as={acting:?} asgroups={as_groups:?} user-agent={:?} namespace={:?} uri={:?} response=\"{}\"\n",
        short(&event.request_received_timestamp),
        event.id,
        event.stage,
        event.sources.first().map_or("<unknown>", String::as_str),
        event.verb,
        or(&user.username, "<none>"),
        or(&groups, "<none>"),
        event.user_agent,
        or(namespace, "<none>"),
        event.uri,
        code.as_deref().unwrap_or("<deferred>"),
    )
    .into_bytes()
}

/// A moment as Go writes it: without zeros at the end of the fraction.
fn short(moment: &str) -> String {
    let bare = moment.trim_end_matches('Z').trim_end_matches('0').trim_end_matches('.');
    format!("{bare}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_are_as_short_as_can_be() {
        assert_eq!(short("2026-01-02T03:04:10.120000Z"), "2026-01-02T03:04:10.12Z");
        assert_eq!(short("2026-01-02T03:04:10.000000Z"), "2026-01-02T03:04:10Z");
    }
}
