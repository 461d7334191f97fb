//! The form of an answer, chosen once from what the client accepts: the syntax, and what of the
//! objects.
//! Source: k8s.io/apiserver `pkg/endpoints/handlers/negotiation/negotiate.go`.

use super::Include;
use crate::{error::Error, kinds::Served};

/// How an answer is written.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Syntax {
    /// JSON.
    #[default]
    Json,
    /// YAML.
    Yaml,
    /// Kubernetes protobuf.
    Protobuf,
}

impl Syntax {
    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Syntax::Json => "application/json",
            Syntax::Yaml => "application/yaml",
            Syntax::Protobuf => "application/vnd.kubernetes.protobuf",
        }
    }
}

/// What of an object a client accepts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Form {
    /// The object.
    Plain,
    /// `as=Table`.
    Table(Include),
    /// `as=PartialObjectMetadata` and its list.
    Partial,
}

/// Every syntax, in the order in which the server prefers them.
const ALL: [Syntax; 3] = [Syntax::Json, Syntax::Yaml, Syntax::Protobuf];
/// Those of watches.
const STREAMED: [Syntax; 2] = [Syntax::Json, Syntax::Protobuf];

/// A clause of an Accept header.
struct Clause<'a> {
    media_type: &'a str,
    parameters: Vec<(&'a str, &'a str)>,
    quality: f32,
}

impl<'a> Clause<'a> {
    fn parse(text: &'a str) -> Clause<'a> {
        let mut parts = text.split(';').map(str::trim);
        let media_type = parts.next().unwrap_or_default();
        let parameters: Vec<_> = parts.filter_map(|p| p.split_once('=')).collect();
        let quality = parameters.iter().find(|(name, _)| *name == "q");
        let quality = quality.and_then(|(_, q)| q.parse().ok()).unwrap_or(1.0);
        Clause { media_type, parameters, quality }
    }

    fn get(&self, name: &str) -> Option<&'a str> {
        self.parameters.iter().find(|(k, _)| *k == name).map(|(_, v)| *v)
    }

    fn covers(&self, syntax: Syntax) -> bool {
        matches!(self.media_type, "*/*" | "application/*") || self.media_type == syntax.media_type()
    }

    /// How many wildcards it has.
    fn vagueness(&self) -> usize {
        self.media_type.matches('*').count()
    }
}

/// The clauses of a header, the most wanted first.
fn clauses(accept: &str) -> Vec<Clause<'_>> {
    let clauses = accept.split(',').filter(|text| !text.trim().is_empty());
    let mut clauses: Vec<Clause<'_>> = clauses.map(Clause::parse).collect();
    clauses.sort_by(|a, b| b.quality.total_cmp(&a.quality).then(a.vagueness().cmp(&b.vagueness())));
    clauses
}

/// Whether a kind's objects have messages: custom resources and OpenShift's configuration, which
/// are such upstream, have none.
fn has_messages(kind: &Served) -> bool {
    let configuration = ["config.openshift.io", "operator.openshift.io"];
    !configuration.contains(&kind.group.as_str())
        && kind.ty().is_some_and(super::binary::is_message)
}

/// What a path is asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Wish {
    /// One object, or what came of a change.
    One,
    /// A list.
    List,
    /// A watch.
    Watch,
}

/// Refuses what no handler of a path is for. Paths of custom kinds are all handled by one.
fn represented(accept: &str, kind: &Served, wish: Wish) -> Result<(), Error> {
    let known = |c: &Clause<'_>| ALL.iter().any(|syntax| c.covers(*syntax));
    if kind.custom.is_some() || clauses(accept).iter().any(known) {
        return Ok(());
    }
    let streamed = STREAMED.iter().map(|s| format!("{};stream=watch", s.media_type()));
    let streamed = streamed.filter(|_| wish != Wish::One && kind.verbs.contains(&"watch"));
    let types = ALL.iter().map(|s| s.media_type().to_owned()).chain(streamed);
    Err(Error::NoRepresentation(types.collect::<Vec<_>>().join(", ")))
}

/// Chooses the first form that can be produced. Kinds that nobody reads back have no tables.
///
/// # Errors
/// 406 when there is none.
pub fn negotiate(
    accept: &str,
    include: Include,
    kind: &Served,
    wish: Wish,
) -> Result<(Form, Syntax), Error> {
    if accept.trim().is_empty() {
        return Ok((Form::Plain, Syntax::Json));
    }
    represented(accept, kind, wish)?;
    let watch = wish == Wish::Watch;
    let served = if watch { &STREAMED[..] } else { &ALL[..] };
    let tables = kind.verbs.iter().any(|verb| matches!(*verb, "get" | "list"));
    for clause in clauses(accept) {
        let v1 = clause.get("v") == Some("v1") && clause.get("g") == Some("meta.k8s.io");
        for syntax in served.iter().copied().filter(|s| clause.covers(*s)) {
            match clause.get("as") {
                None if syntax == Syntax::Protobuf && !has_messages(kind) => {}
                None => return Ok((Form::Plain, syntax)),
                Some("Table") if v1 && tables && syntax != Syntax::Protobuf => {
                    return Ok((Form::Table(include), syntax));
                }
                Some("PartialObjectMetadata" | "PartialObjectMetadataList") if v1 => {
                    return Ok((Form::Partial, syntax));
                }
                Some(_) => {}
            }
        }
    }
    let types = served.iter().map(|s| match watch {
        true => format!("{};stream=watch", s.media_type()),
        false => s.media_type().to_owned(),
    });
    Err(Error::NotAcceptable(types.collect::<Vec<_>>().join(", ")))
}

/// The syntax of errors and documents: the first that the header names, JSON when it names none.
pub fn plain(accept: &str) -> Syntax {
    let clauses = clauses(accept);
    let wanted = clauses.iter().filter(|c| c.get("as").is_none());
    let mut syntaxes = wanted.filter_map(|c| ALL.into_iter().find(|s| c.covers(*s)));
    syntaxes.next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds;

    #[test]
    fn accept_headers() {
        use Syntax::{Json, Protobuf, Yaml};
        let table = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";
        let proto = "application/vnd.kubernetes.protobuf";
        let partial = format!("{proto};as=PartialObjectMetadata;g=meta.k8s.io;v=v1");
        let proto_table = format!("{proto};as=Table;g=meta.k8s.io;v=v1,application/json");
        let (json_next, any_next) = (format!("{proto},application/json"), format!("{proto}, */*"));
        // For a pod, and for a kind without messages.
        let rows: &[(&str, _, _)] = &[
            ("", Some((Form::Plain, Json)), Some((Form::Plain, Json))),
            ("*/*", Some((Form::Plain, Json)), Some((Form::Plain, Json))),
            ("application/*", Some((Form::Plain, Json)), Some((Form::Plain, Json))),
            (
                table,
                Some((Form::Table(Include::Metadata), Json)),
                Some((Form::Table(Include::Metadata), Json)),
            ),
            (&json_next, Some((Form::Plain, Protobuf)), Some((Form::Plain, Json))),
            (&any_next, Some((Form::Plain, Protobuf)), Some((Form::Plain, Json))),
            (proto, Some((Form::Plain, Protobuf)), None),
            (&partial, Some((Form::Partial, Protobuf)), Some((Form::Partial, Protobuf))),
            (&proto_table, Some((Form::Plain, Json)), Some((Form::Plain, Json))),
            ("application/yaml", Some((Form::Plain, Yaml)), Some((Form::Plain, Yaml))),
            ("application/cbor", None, None),
            (
                "application/json;q=0.9,application/cbor;q=1",
                Some((Form::Plain, Json)),
                Some((Form::Plain, Json)),
            ),
            ("text/html", None, None),
            ("text/html,*/*;q=0.8", Some((Form::Plain, Json)), Some((Form::Plain, Json))),
        ];
        let pod = kinds::by_kind("v1", "Pod").unwrap();
        let custom = kinds::by_kind("config.openshift.io/v1", "Ingress").unwrap();
        for (accept, built_in, of_custom) in rows {
            let get = |kind| negotiate(accept, Include::Metadata, kind, Wish::One).ok();
            assert_eq!(get(&pod), *built_in, "{accept}");
            assert_eq!(get(&custom), *of_custom, "{accept}");
        }
        let watch = |accept: &str| negotiate(accept, Include::Metadata, &pod, Wish::Watch);
        assert_eq!(watch(&format!("{proto};stream=watch")).ok(), Some((Form::Plain, Protobuf)));
        let types =
            "application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch";
        assert_eq!(watch("application/yaml"), Err(Error::NotAcceptable(types.into())));
        let review = kinds::by_kind("authorization.k8s.io/v1", "SelfSubjectAccessReview").unwrap();
        let only = "application/json;as=Table;v=v1;g=meta.k8s.io";
        assert!(negotiate(only, Include::Metadata, &review, Wish::One).is_err());
        let html = |wish| negotiate("text/html", Include::Metadata, &pod, wish);
        let types = "application/json, application/yaml, application/vnd.kubernetes.protobuf";
        let streamed =
            "application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch";
        assert_eq!(html(Wish::One), Err(Error::NoRepresentation(types.into())));
        let both = format!("{types}, {streamed}");
        assert_eq!(html(Wish::List), Err(Error::NoRepresentation(both)));
        for (accept, syntax) in
            [("", Json), (&*any_next, Protobuf), (&*proto_table, Json), ("text/html", Json)]
        {
            assert_eq!(plain(accept), syntax, "{accept}");
        }
    }
}
