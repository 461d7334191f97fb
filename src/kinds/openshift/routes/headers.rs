//! Actions on the HTTP headers of a route. Source: library-go `pkg/route/validation`.

use crate::{
    error::Causes,
    kinds::workloads::Field,
    object::{ObjectExt, Value, json},
};
use regex::Regex;
use std::{collections::HashSet, sync::LazyLock};

const MOST: usize = 20;
const LONGEST_NAME: usize = 255;
const LONGEST_VALUE: usize = 16_384;
const UNTOUCHABLE: [&str; 4] = ["strict-transport-security", "proxy", "cookie", "set-cookie"];

/// A value: text, with HAProxy's `%[…]` of the message's own headers.
fn pattern(fetcher: &str) -> Option<Regex> {
    let text = r"^(?:%(?:%|(?:\{[-+]?[QXE](?:,[-+]?[QXE])*\})?\[(?:XYZ\.hdr\([0-9A-Za-z-]+\)|ssl_c_der)(?:,(?:lower|base64))*\])|[^%[:cntrl:]])+$";
    Regex::new(&text.replace("XYZ", fetcher)).ok()
}

static REQUEST: LazyLock<Option<Regex>> = LazyLock::new(|| pattern("req"));
static RESPONSE: LazyLock<Option<Regex>> = LazyLock::new(|| pattern("res"));

/// Checks `spec.httpHeaders`.
pub(super) fn check(o: &Value, out: &mut Causes) {
    let actions = Field::of(o, "spec.httpHeaders.actions");
    let sides = [("response", "res", &RESPONSE), ("request", "req", &REQUEST)];
    let any = sides.iter().any(|(side, ..)| !actions.get(side).list().is_empty());
    if any && o.str_at("spec.tls.termination") == "passthrough" {
        let why = "only edge and re-encrypt routes are supported for providing customized headers.";
        out.invalid("spec.tls.termination", &json!("passthrough"), why);
    }
    for (side, fetcher, values) in sides {
        let list = actions.get(side);
        if list.list().len() > MOST {
            list.invalid(out, format!("{side} headers list can't exceed {MOST} items"));
            continue;
        }
        let mut seen = HashSet::new();
        for header in list.items() {
            let name = header.get("name");
            if !seen.insert(name.text()) {
                name.duplicate(out);
            }
            self::name(&name, out);
            action(&header.get("action"), fetcher, values.as_ref(), out);
        }
    }
}

fn name(name: &Field<'_>, out: &mut Causes) {
    let text = name.text();
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"-!#$%&'*+.^_`|~".contains(&b);
    if text.is_empty() {
        name.required(out, "");
    } else if text.len() > LONGEST_NAME {
        name.invalid(out, format!("name exceeds the maximum length, which is {LONGEST_NAME}"));
    } else if UNTOUCHABLE.contains(&text.to_lowercase().as_str()) {
        let all = UNTOUCHABLE.join(", ");
        name.forbidden(
            out,
            format!("the following headers may not be modified using this API: {all}"),
        );
    } else if text.eq_ignore_ascii_case("host") {
        // The type's own rule, which the served definition carries.
        name.invalid(out, "host header may not be modified using this API");
    } else if !text.bytes().all(fits) {
        name.invalid(
            out,
            "name must be a valid HTTP header name as defined in RFC 2616 section 4.2",
        );
    }
}

fn action(action: &Field<'_>, fetcher: &str, values: Option<&Regex>, out: &mut Causes) {
    let (kind, set) = (action.get("type"), action.get("set"));
    if !["Set", "Delete"].contains(&kind.text()) {
        out.invalid(&kind.path, &json!(kind.text()), r#"type must be "Set" or "Delete""#);
    }
    if (kind.text() == "Set") != set.is_set() {
        set.required(out, "set is required when type is Set, and forbidden otherwise");
    }
    if !set.is_set() {
        return;
    }
    let value = set.get("value");
    if value.text().is_empty() {
        value.required(out, "");
    } else if value.text().len() > LONGEST_VALUE {
        value.invalid(out, format!("value exceeds the maximum length, which is {LONGEST_VALUE}"));
    } else if values.is_some_and(|v| !v.is_match(value.text())) {
        value.invalid(out, format!("Either header value provided is not in correct format or the converter specified is not allowed. The dynamic header value  may use HAProxy's %[] syntax and otherwise must be a valid HTTP header value as defined in https://datatracker.ietf.org/doc/html/rfc7230#section-3.2 Sample fetchers allowed are {fetcher}.hdr, ssl_c_der. Converters allowed are lower, base64."));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(header: Value) -> Vec<String> {
        let o = json!({"spec": {"httpHeaders": {"actions": {"response": [header]}}}});
        let mut causes = Causes::default();
        check(&o, &mut causes);
        causes.into_vec().into_iter().map(|c| format!("{}: {}", c.field, c.message)).collect()
    }

    #[test]
    fn actions() {
        let set = |value: &str| json!({"type": "Set", "set": {"value": value}});
        for good in ["DENY", "%[res.hdr(X-A),base64]", "100%%"] {
            assert_eq!(said(json!({"name": "X-A", "action": set(good)})), Vec::<String>::new());
        }
        let path = "spec.httpHeaders.actions.response[0]";
        assert_eq!(
            said(json!({"name": "X-A", "action": {"type": "Set"}})),
            [format!(
                "{path}.action.set: Required value: set is required when type is Set, and forbidden otherwise"
            )]
        );
        assert_eq!(
            said(json!({"name": "X-A", "action": {"type": "Twist"}})),
            [format!(
                r#"{path}.action.type: Invalid value: "Twist": type must be "Set" or "Delete""#
            )]
        );
        for bad in ["Host", "a b", "Set-Cookie", ""] {
            assert_eq!(said(json!({"name": bad, "action": {"type": "Delete"}})).len(), 1, "{bad}");
        }
        assert_eq!(said(json!({"name": "X-A", "action": set("%[req.hdr(X-A)]")})).len(), 1);
    }
}
