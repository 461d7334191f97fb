//! What is said of an object that does not fit its type: for bodies the decoder's own words, for
//! patches those of the code that applies them. Source: apiserver `endpoints/handlers/patch.go`,
//! apimachinery `runtime/converter.go`.

use super::{Body, PatchType, Request, patched};
use crate::{
    error::{Causes, Error},
    kinds::{self, Served},
    object::{ObjectExt, Value},
    schema::{self, golang},
};

/// Refuses `value`, the whole object as far as it was read. `why` is the decoder's text.
pub(super) fn mismatch(request: &Request, value: &Value, why: &str) -> Error {
    match &request.body {
        Body::Patch(PatchType::Strategic, _) => patch(request, value, converter_words(why)),
        Body::Patch(PatchType::Merge | PatchType::Json, _) => patch(request, value, why.into()),
        Body::Patch(PatchType::Apply, applied) => unapplied(request, applied, why),
        _ => whole(request, why),
    }
}

/// What is applied is first merged; what comes of it then is no object of its type. Upstream has no
/// code for that.
fn unapplied(request: &Request, applied: &Value, why: &str) -> Error {
    let (version, kind) = (request.kind.api_version(), &request.kind.kind);
    // The core group has no name, but its slash.
    let slash = if request.kind.group.is_empty() { "/" } else { "" };
    let kind = format!("{slash}{version}, Kind={kind}");
    let (namespace, name) = (applied.namespace(), &request.name);
    let why = converter_words(why);
    Error::Plain(format!(
        "failed to convert new object ({namespace}/{name}; {kind}) to proper version: unable to convert unstructured object to {kind}: {why}"
    ))
}

/// Refuses unknown and repeated fields.
pub(super) fn strict(request: &Request, value: &Value, problems: &[String]) -> Error {
    let text = format!("strict decoding error: {}", problems.join(", "));
    match &request.body {
        Body::Patch(..) => patch(request, value, text),
        _ => whole(request, &text),
    }
}

/// Refuses a write without a body.
pub(super) fn nothing(kind: &Served) -> Error {
    Error::BadRequest(format!(
        "the object provided is unrecognized (must be of type {}): couldn't get version/kind; json parse error: unexpected end of JSON input (<empty>)",
        kind.kind
    ))
}

/// Where upstream's server for the core groups declares its types; it names the file.
const SCHEME: &str = "k8s.io/kubernetes/pkg/api/legacyscheme/scheme.go:30";

/// Checks what a body, or what a patch makes of an object, says it is. A strategic merge patch may
/// name any type: the object stays what it was; all that comes of the other patches is read anew.
///
/// # Errors
/// 400 for bodies, 422 for patches, in upstream's words.
pub(super) fn check_type(request: &Request, value: &Value) -> Result<(), Error> {
    let kind = &request.kind;
    let form = match &request.body {
        Body::Patch(form, _) if kind.custom.is_none() && *form != PatchType::Apply => form,
        _ => return expect_type(value, kind),
    };
    let strategic = *form == PatchType::Strategic;
    if let Some((field, got)) = no_text(value) {
        let why =
            format!("json: cannot unmarshal {got} into Go struct field .{field} of type string");
        let whole = format!("couldn't get version/kind; json parse error: {why}");
        return Err(mismatch(request, value, if strategic { &why } else { &whole }));
    }
    let (version, name) = (value.str_at("apiVersion"), value.str_at("kind"));
    // Every version of a kind is read as the one that is asked for.
    if strategic || (*name == *kind.kind && kinds::by_kind(version, name).is_some()) {
        return Ok(());
    }
    expect_type(value, kind).map_err(|e| mismatch(request, value, bare(&e.to_string())))
}

/// The first of `apiVersion` and `kind` that is no text, and what it is.
fn no_text(value: &Value) -> Option<(&'static str, &'static str)> {
    ["apiVersion", "kind"].into_iter().find_map(|field| match value.get(field)? {
        Value::Null | Value::String(_) => None,
        Value::Bool(_) => Some((field, "bool")),
        Value::Number(_) => Some((field, "number")),
        Value::Array(_) => Some((field, "array")),
        Value::Object(_) => Some((field, "object")),
    })
}

/// Checks the `apiVersion` and `kind` a body names, either of which may be left out.
///
/// # Errors
/// 400 in upstream's words.
fn expect_type(value: &Value, kind: &Served) -> Result<(), Error> {
    if kind.custom.is_some()
        && let Some(error) = unnamed(value, kind)
    {
        return Err(error);
    }
    let wanted = kind.api_version();
    let said = |field: &str, or: &str| match value.str_at(field) {
        "" => or.to_owned(),
        said => said.to_owned(),
    };
    let (version, name) = (said("apiVersion", wanted), said("kind", &kind.kind));
    if version == wanted && name == *kind.kind {
        return Ok(());
    }
    if kind.custom.is_some() {
        return Err(misnamed(value, kind));
    }
    let short = version.rsplit('/').next().unwrap_or_default();
    let handled = |why: String| {
        Error::BadRequest(format!(
            "{name} in version {short:?} cannot be handled as a {}: {why}",
            kind.kind
        ))
    };
    if kinds::by_kind(&version, &name).is_none() {
        let why =
            format!("no kind {name:?} is registered for version {version:?} in scheme {SCHEME:?}");
        return Err(handled(why));
    }
    if name != *kind.kind {
        let package = match kind.group.split('.').next().unwrap_or_default() {
            "" | "events" => "core",
            first => first,
        };
        let target = format!("{package}.{}", kind.kind);
        return Err(handled(format!(
            "converting ({short}.{name}) to ({target}): unknown conversion"
        )));
    }
    Err(Error::BadRequest(format!(
        "the API version in the data ({version}) does not match the expected API version ({wanted})"
    )))
}

/// Refuses a custom object that names another version or kind.
fn misnamed(value: &Value, kind: &Served) -> Error {
    let (version, wanted) = (value.str_at("apiVersion"), kind.api_version());
    if version != wanted {
        return Error::BadRequest(format!(
            "the API version in the data ({version}) does not match the expected API version ({wanted})"
        ));
    }
    let mut causes = Causes::default();
    let said = value.str_at("kind");
    causes.invalid("kind", &Value::from(said), format!("must be {}", kind.kind));
    let kind = format!("{said}.{}", kind.group);
    Error::Invalid { kind, name: value.name().into(), causes: causes.into_vec() }
}

/// Refuses a custom object that does not say what it is.
fn unnamed(value: &Value, kind: &Served) -> Option<Error> {
    let absent = |field: &str| value.str_at(field).is_empty();
    let field = match (absent("kind"), absent("apiVersion")) {
        (true, _) => "Kind",
        (_, true) => "apiVersion",
        _ => return None,
    };
    Some(Error::BadRequest(format!(
        "the object provided is unrecognized (must be of type {}): Object '{field}' is missing in '{value}' ({value})",
        kind.kind
    )))
}

/// What is wrong with an object, without what it was to be.
pub(super) fn bare(why: &str) -> &str {
    why.split_once(" cannot be handled as a ")
        .and_then(|(_, rest)| rest.split_once(": "))
        .map_or(why, |(_, why)| why)
}

fn whole(request: &Request, why: &str) -> Error {
    let kind = &request.kind;
    Error::BadRequest(format!(
        "{} in version {:?} cannot be handled as a {}: {why}",
        kind.kind, kind.version, kind.kind
    ))
}

/// A strategic merge patch is shown as Go prints maps, every other by its result.
fn patch(request: &Request, value: &Value, why: String) -> Error {
    let shown = match &request.body {
        Body::Patch(PatchType::Strategic, patch) => golang::plain(patch),
        Body::Patch(form, patch) if request.kind.custom.is_none() => {
            patched::text(request.kind.ty(), value, *form, patch)
        }
        _ => value.to_string(),
    };
    let mut causes = Causes::default();
    causes.invalid("patch", &Value::String(shown.into()), why);
    Error::Invalid { kind: String::new(), name: String::new(), causes: causes.into_vec() }
}

/// The converter has no texts of its own for what it leaves to the JSON decoder.
fn from_json(why: &str) -> String {
    let prefix = if why.starts_with("illegal base64") { "error decoding from json: " } else { "" };
    format!("{prefix}{why}")
}

/// The same refusal of a patched object, showing `whole` instead of what was left of it.
pub(super) fn shown_whole(request: &Request, error: Error, whole: &Value) -> Error {
    let Error::Invalid { causes, .. } = &error else { return error };
    let said = causes.first().filter(|c| c.field == "patch").and_then(|cause| {
        let shown = cause.message.strip_prefix("Invalid value: ")?;
        let mut texts = serde_json::Deserializer::from_str(shown).into_iter::<String>();
        texts.next()?.ok()?;
        shown.get(texts.byte_offset()..)?.strip_prefix(": ").map(str::to_owned)
    });
    match said {
        Some(why) => patch(request, whole, why),
        None => error,
    }
}

/// The JSON decoder's mismatch in the words of the converter from maps to structs.
fn converter_words(why: &str) -> String {
    let parts = || {
        let rest = why.strip_prefix("json: cannot unmarshal ")?;
        let (got, rest) = rest.split_once(" into Go struct field ")?;
        Some((got, rest.rsplit_once(" of type ")?.1))
    };
    let Some((got, wanted)) = parts() else { return from_json(why) };
    let got = match got.split(' ').next().unwrap_or_default() {
        "object" => "map",
        "array" => "slice",
        "number" if got.contains('.') => "float64",
        "number" => "int64",
        other => other,
    };
    match wanted {
        _ if wanted.starts_with("[]") => format!("cannot restore slice from {got}"),
        _ if wanted.starts_with("map[") => format!("cannot restore map from {got}"),
        _ if schema::is_struct(wanted) => format!("cannot restore struct from: {got}"),
        // Go can convert any number to any other and to a string; the converter will not.
        _ if got.ends_with("64") && wanted != "bool" => {
            format!("cannot convert {got} to {wanted}")
        }
        // What has a name of its own is a text.
        _ if wanted.contains('.') => "unrecognized type: string".into(),
        _ => format!("unrecognized type: {wanted}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::json;

    #[test]
    fn the_converter_says_it_its_own_way() {
        let field = "into Go struct field DeploymentSpec.spec.replicas of type";
        let rows = [
            ("string", "int32", "unrecognized type: int32"),
            ("number 1.5", "int32", "cannot convert float64 to int32"),
            ("number", "string", "cannot convert int64 to string"),
            ("number", "bool", "unrecognized type: bool"),
            ("object", "[]v1.Container", "cannot restore slice from map"),
            ("string", "map[string]string", "cannot restore map from string"),
            ("string", "v1.PodSpec", "cannot restore struct from: string"),
            ("array", "v1.ConcurrencyPolicy", "unrecognized type: string"),
            ("number", "v1.ConcurrencyPolicy", "cannot convert int64 to v1.ConcurrencyPolicy"),
        ];
        for (got, wanted, expected) in rows {
            let why = format!("json: cannot unmarshal {got} {field} {wanted}");
            assert_eq!(converter_words(&why), expected, "{why}");
        }
        assert_eq!(converter_words("quantities must match"), "quantities must match");
    }

    #[test]
    fn types_that_do_not_belong() {
        let rows = [
            ("v1", "ConfigMap", ""),
            ("", "", ""),
            (
                "v2",
                "ConfigMap",
                r#"ConfigMap in version "v2" cannot be handled as a ConfigMap: no kind "ConfigMap" is registered for version "v2" in scheme "k8s.io/kubernetes/pkg/api/legacyscheme/scheme.go:30""#,
            ),
            (
                "v1",
                "Secret",
                r#"Secret in version "v1" cannot be handled as a ConfigMap: converting (v1.Secret) to (core.ConfigMap): unknown conversion"#,
            ),
        ];
        let kind = kinds::by_kind("v1", "ConfigMap").unwrap();
        for (version, name, expected) in rows {
            let body = json!({"apiVersion": version, "kind": name});
            let said = expect_type(&body, &kind).err().map(|e| e.to_string()).unwrap_or_default();
            assert_eq!(said, expected);
        }
        let kind = kinds::by_kind("autoscaling/v2", "HorizontalPodAutoscaler").unwrap();
        let body = json!({"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler"});
        assert_eq!(
            expect_type(&body, &kind).unwrap_err().to_string(),
            "the API version in the data (autoscaling/v1) does not match the expected API version (autoscaling/v2)"
        );
    }
}
