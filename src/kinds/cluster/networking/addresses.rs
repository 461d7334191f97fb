//! The rules of IPAddress and ServiceCIDR.
//! Source: kubernetes `pkg/apis/networking/validation`.

use crate::{
    error::Causes,
    kinds::{cluster::checks, workloads::Field},
    object::{ObjectExt, Value, json, name},
};
use std::net::IpAddr;

/// An IPAddress; its name is checked with all names.
pub fn address(o: &Value, old: Option<&Value>, out: &mut Causes) {
    let parent = Field::of(o, "spec.parentRef");
    reference(&parent, out);
    if let Some(old) = old
        && parent.value != old.at("spec.parentRef")
    {
        // Upstream shows its own type, as Go calls its fields.
        let [group, resource, namespace, name] =
            ["group", "resource", "namespace", "name"].map(|f| parent.get(f).text());
        let whole = format!(
            "{{\"Group\":{},\"Resource\":{},\"Namespace\":{},\"Name\":{}}}",
            json!(group),
            json!(resource),
            json!(namespace),
            json!(name)
        );
        let shown = if parent.is_set() { whole.as_str() } else { "null" };
        out.invalid_shown(&parent.path, shown, checks::IMMUTABLE);
    }
}

/// Whoever uses an address.
fn reference(parent: &Field<'_>, out: &mut Causes) {
    if !parent.is_set() {
        return parent.required(out, "");
    }
    parent.get("group").dns_subdomain(out);
    for field in ["resource", "name"] {
        parent.get(field).needs_text(out);
    }
    for field in ["resource", "name", "namespace"] {
        let field = parent.get(field);
        field.problems(out, name::path_segment_problems(field.text()));
    }
}

/// A ServiceCIDR.
pub fn range(o: &Value, old: Option<&Value>, out: &mut Causes) {
    const PATH: &str = "spec.cidrs";
    let cidrs = Field::of(o, PATH);
    let Some(old) = old else { return ranges(&cidrs, out) };
    let before = old.list_at(PATH);
    let moved = |i: usize| before.get(i).is_some_and(|b| cidrs.list().get(i) != Some(b));
    match (before.len(), cidrs.list().len()) {
        (a, b) if a == b || (a, b) == (1, 2) => {
            for item in cidrs.items().iter().enumerate().filter(|(i, _)| moved(*i)).map(|(_, f)| f)
            {
                item.invalid(out, checks::IMMUTABLE);
            }
            if a != b {
                ranges(&cidrs, out);
            }
        }
        _ => cidrs.invalid(out, checks::IMMUTABLE),
    }
}

fn ranges(cidrs: &Field<'_>, out: &mut Causes) {
    let items = cidrs.items();
    if items.is_empty() {
        return cidrs.required(out, "at least one CIDR required");
    }
    if items.len() > 2 {
        let shown = format!("{{\"CIDRs\":{}}}", json!(cidrs.list()));
        return out.invalid_shown(&cidrs.path, shown, "may only hold up to 2 values");
    }
    let parsed: Vec<Option<IpAddr>> = items.iter().map(|item| canonical(item, out)).collect();
    if let [Some(a), Some(b)] = parsed.as_slice()
        && a.is_ipv4() == b.is_ipv4()
    {
        let why = "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64";
        cidrs.invalid(out, why);
    }
}

/// A network without bits set beyond its prefix, in the form its family is written in.
fn canonical(field: &Field<'_>, out: &mut Causes) -> Option<IpAddr> {
    let (ip, bits) = checks::cidr(field.text(), &field.path, out)?;
    let masked = match ip {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            IpAddr::V4((u32::from(v4) & mask).into())
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            IpAddr::V6((u128::from(v6) & mask).into())
        }
    };
    if masked != ip {
        let why = "must not have bits set beyond the prefix length";
        out.invalid(&field.path, &json!(field.text()), why);
    } else if format!("{ip}/{bits}") != field.text() {
        let why = format!("must be in canonical form ({:?})", format!("{ip}/{bits}"));
        out.invalid(&field.path, &json!(field.text()), why);
    }
    Some(ip)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(cidrs: Value, old: Option<Value>) -> Vec<String> {
        let (o, old) =
            (json!({"spec": {"cidrs": cidrs}}), old.map(|c| json!({"spec": {"cidrs": c}})));
        let mut causes = Causes::default();
        range(&o, old.as_ref(), &mut causes);
        causes.0.into_iter().map(|c| format!("{}: {}", c.field, c.message)).collect()
    }

    #[test]
    fn ranges_of_services() {
        let good = [json!(["10.0.0.0/16"]), json!(["10.0.0.0/16", "2001:db8::/64"])];
        good.into_iter().for_each(|c| assert_eq!(said(c, None), Vec::<String>::new()));
        assert_eq!(
            said(json!([]), None),
            ["spec.cidrs: Required value: at least one CIDR required"]
        );
        assert_eq!(
            said(json!(["10.0.0.1/16"]), None),
            [
                r#"spec.cidrs[0]: Invalid value: "10.0.0.1/16": must not have bits set beyond the prefix length"#
            ]
        );
        assert_eq!(
            said(json!(["2001:DB8::/64"]), None),
            [
                r#"spec.cidrs[0]: Invalid value: "2001:DB8::/64": must be in canonical form ("2001:db8::/64")"#
            ]
        );
        assert_eq!(said(json!(["10.0.0.0/16", "10.1.0.0/16"]), None).len(), 1);
        let one = || Some(json!(["10.0.0.0/16"]));
        assert_eq!(said(json!(["10.0.0.0/16", "2001:db8::/64"]), one()), Vec::<String>::new());
        assert_eq!(
            said(json!(["10.1.0.0/16"]), one()),
            [r#"spec.cidrs[0]: Invalid value: "10.1.0.0/16": field is immutable"#]
        );
        assert_eq!(said(json!([]), one()), ["spec.cidrs: Invalid value: []: field is immutable"]);
    }
}
