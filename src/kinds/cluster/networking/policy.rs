//! What a NetworkPolicy must look like. Source: kubernetes `pkg/apis/networking`.

use crate::{
    error::Causes,
    kinds::cluster::checks,
    object::{ObjectExt, Value, json},
};
use std::net::IpAddr;

const PROTOCOLS: &[&str] = &["TCP", "UDP", "SCTP"];
const DIRECTIONS: [(&str, &str); 2] = [("ingress", "from"), ("egress", "to")];

/// See [`crate::kinds::Hooks::default`].
pub(super) fn default(o: &mut Value) {
    for (direction, _) in DIRECTIONS {
        let rules = o.get_mut("spec").and_then(|s| s.get_mut(direction));
        let rules = rules.and_then(Value::as_array_mut).into_iter().flatten();
        for port in rules.filter_map(|r| r.get_mut("ports")?.as_array_mut()).flatten() {
            if port.str_at("protocol").is_empty() {
                port.set_at("protocol", "TCP");
            }
        }
    }
    if o.list_at("spec.policyTypes").is_empty() {
        let both = !o.list_at("spec.egress").is_empty();
        o.set_at(
            "spec.policyTypes",
            json!(if both { vec!["Ingress", "Egress"] } else { vec!["Ingress"] }),
        );
    }
}

/// See [`crate::kinds::Hooks::validate`].
pub(super) fn validate(o: &Value, out: &mut Causes) {
    if let Some(selector) = o.at("spec.podSelector") {
        checks::label_selector(selector, "spec.podSelector", out);
    }
    for (direction, peers) in DIRECTIONS {
        for (i, rule) in o.list_at(&format!("spec.{direction}")).iter().enumerate() {
            let path = format!("spec.{direction}[{i}]");
            for (n, port) in rule.list_at("ports").iter().enumerate() {
                check_port(port, &format!("{path}.ports[{n}]"), out);
            }
            for (n, peer) in rule.list_at(peers).iter().enumerate() {
                check_peer(peer, &format!("{path}.{peers}[{n}]"), out);
            }
        }
    }
    let types = o.list_at("spec.policyTypes");
    if types.len() > 2 {
        let why = "may not specify more than two policyTypes";
        return out.invalid("spec.policyTypes", &json!(types), why);
    }
    for (i, kind) in types.iter().enumerate() {
        let known = ["Ingress", "Egress"];
        if !known.contains(&kind.as_str().unwrap_or("")) {
            out.unsupported_in_order(format!("spec.policyTypes[{i}]"), kind, &known);
        }
    }
}

fn check_port(port: &Value, path: &str, out: &mut Causes) {
    let field = |f: &str| format!("{path}.{f}");
    let protocol = port.str_at("protocol");
    if !protocol.is_empty() && !PROTOCOLS.contains(&protocol) {
        out.unsupported_in_order(field("protocol"), &json!(protocol), PROTOCOLS);
    }
    let end = port.i64_at("endPort");
    match (port.get("port"), end) {
        (Some(Value::String(_)), Some(end)) => {
            let why = "may not be specified when `port` is non-numeric";
            out.invalid(field("endPort"), &json!(end), why);
        }
        (None, Some(end)) => {
            let why = "may not be specified when `port` is not specified";
            out.invalid(field("endPort"), &json!(end), why);
        }
        _ => {}
    }
    let Some(number) = port.get("port") else { return };
    checks::port_or_name(number, &field("port"), out);
    if let (Some(first), Some(end)) = (number.as_i64(), end) {
        if end < first {
            out.invalid(field("endPort"), number, "must be greater than or equal to `port`");
        }
        checks::port_number(end, &field("endPort"), out);
    }
}

fn check_peer(peer: &Value, path: &str, out: &mut Causes) {
    let given = |f: &str| peer.get(f).filter(|v| v.is_object());
    let mut count = 0;
    for field in ["podSelector", "namespaceSelector"] {
        if let Some(selector) = given(field) {
            count += 1;
            checks::label_selector(selector, &format!("{path}.{field}"), out);
        }
    }
    if let Some(block) = given("ipBlock") {
        count += 1;
        check_block(block, &format!("{path}.ipBlock"), out);
    }
    if count == 0 {
        out.required(path, "must specify a peer");
    } else if count > 1 && given("ipBlock").is_some() {
        out.forbidden(path, "may not specify both ipBlock and another peer");
    }
}

fn check_block(block: &Value, path: &str, out: &mut Causes) {
    let cidr = block.str_at("cidr");
    if cidr.is_empty() {
        return out.required(format!("{path}.cidr"), "");
    }
    let Some(outer) = checks::cidr(cidr, &format!("{path}.cidr"), out) else { return };
    for (i, except) in block.list_at("except").iter().filter_map(Value::as_str).enumerate() {
        let path = format!("{path}.except[{i}]");
        if let Some(inner) = checks::cidr(except, &path, out)
            && !is_inside(inner, outer)
        {
            out.invalid(path, &json!(except), "must be a strict subset of `cidr`");
        }
    }
}

fn is_inside((inner, inner_bits): (IpAddr, u32), (outer, bits): (IpAddr, u32)) -> bool {
    let prefix = |ip: IpAddr| match ip {
        IpAddr::V4(v4) => u128::from(u32::from(v4)).checked_shr(32 - bits.min(32)),
        IpAddr::V6(v6) => u128::from(v6).checked_shr(128 - bits),
    };
    inner.is_ipv4() == outer.is_ipv4() && inner_bits > bits && prefix(inner) == prefix(outer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wording() {
        let rows: &[(Value, &[&str])] = &[
            (
                json!({"from": [{}]}),
                &["spec.ingress[0].from[0]: Required value: must specify a peer"],
            ),
            (
                json!({"from": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16", "11.0.0.0/16"]}}]}),
                &[
                    "spec.ingress[0].from[0].ipBlock.except[1]: Invalid value: \"11.0.0.0/16\": must be a strict subset of `cidr`",
                ],
            ),
            (
                json!({"ports": [{"port": 90, "endPort": 80}]}),
                &[
                    "spec.ingress[0].ports[0].endPort: Invalid value: 90: must be greater than or equal to `port`",
                ],
            ),
        ];
        for (rule, expected) in rows {
            let mut o = json!({"spec": {"podSelector": {}, "ingress": [rule]}});
            default(&mut o);
            let mut causes = Causes::default();
            validate(&o, &mut causes);
            let texts: Vec<String> =
                causes.0.iter().map(|c| format!("{}: {}", c.field, c.message)).collect();
            assert_eq!(texts, *expected, "{rule}");
            assert_eq!(o.at("spec.policyTypes"), Some(&json!(["Ingress"])));
        }
    }
}
