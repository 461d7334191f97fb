//! IP addresses and networks. Source: k8s.io/apiserver `pkg/cel/library/{ip,cidr}.go`, Go's
//! `net/netip`.

use super::{Found, Opaque};
use crate::cel::{eval::EvalError, value::Value};
use ipnet::IpNet;
use std::net::{IpAddr, Ipv6Addr};

/// Reads an address as Kubernetes wants it: no zone, no IPv4 in IPv6.
fn parse(text: &str) -> Result<IpAddr, String> {
    let bare = text
        .split_once('%')
        .filter(|(ip, zone)| !zone.is_empty() && ip.parse::<Ipv6Addr>().is_ok());
    if bare.is_some() {
        return Err(format!("IP address {text:?} with zone value is not allowed"));
    }
    let ip = text.parse::<IpAddr>().map_err(|_| {
        let why = format!("ParseAddr({text:?}): {}", why(text));
        format!("IP Address {text:?} parse error during conversion from string: {why}")
    })?;
    match ip {
        IpAddr::V6(six) if six.to_ipv4_mapped().is_some() => {
            Err(format!("IPv4-mapped IPv6 address {text:?} is not allowed"))
        }
        ip => Ok(ip),
    }
}

/// What Go finds wrong with an address.
fn why(text: &str) -> &'static str {
    let parts: Vec<&str> = text.split('.').collect();
    if text.contains(':') {
        return "unable to parse IP";
    }
    if text.contains('.') {
        let digits = |p: &str| p.bytes().all(|b| b.is_ascii_digit());
        return match () {
            () if !parts.iter().all(|p| digits(p)) => "unexpected character",
            () if parts.iter().any(|p| p.is_empty()) => "IPv4 field must have at least one digit",
            () if parts.iter().any(|p| p.len() > 1 && p.starts_with('0')) => {
                "IPv4 field has octet with leading zero"
            }
            () if parts.iter().any(|p| p.parse::<u8>().is_err()) => "IPv4 field has value >255",
            () if parts.len() < 4 => "IPv4 address too short",
            () => "IPv4 address too long",
        };
    }
    "unable to parse IP"
}

fn parse_net(text: &str) -> Result<IpNet, String> {
    let failed = |why: &str| {
        format!(
            "network address parse error during conversion from string: netip.ParsePrefix({text:?}): {why}"
        )
    };
    let Some((ip, bits)) = text.rsplit_once('/') else { return Err(failed("no '/'")) };
    let net = match ip.parse::<IpAddr>() {
        Ok(net) => net,
        Err(_) => return Err(failed(&format!("ParseAddr({ip:?}): {}", why(ip)))),
    };
    let plain = !bits.is_empty()
        && bits.bytes().all(|b| b.is_ascii_digit())
        && (bits == "0" || !bits.starts_with('0'));
    let most = if net.is_ipv4() { 32 } else { 128 };
    let length = bits.parse::<u8>().ok().filter(|_| plain);
    let Some(length) = length else {
        return Err(failed(&format!("bad bits after slash: {bits:?}")));
    };
    let made = IpNet::new(net, length).ok().filter(|_| length <= most);
    let made = made.ok_or_else(|| failed("prefix length out of range"))?;
    match net {
        IpAddr::V6(six) if six.to_ipv4_mapped().is_some() => {
            Err(format!("IPv4-mapped IPv6 address {text:?} is not allowed"))
        }
        _ => Ok(made),
    }
}

/// `ip(text)` and its sisters.
pub(super) fn of_text<'a>(function: &str, args: &[Value<'a>]) -> Found<'a> {
    let [Value::String(text)] = args else { return Ok(None) };
    Ok(Some(match function {
        "ip" => Opaque::Ip(parse(text).map_err(EvalError::error)?).into(),
        "isIP" => Value::Bool(parse(text).is_ok()),
        "ip.isCanonical" => {
            Value::Bool(parse(text).map_err(EvalError::error)?.to_string() == **text)
        }
        "cidr" => Opaque::Cidr(net_of(text)?).into(),
        "isCIDR" => Value::Bool(parse_net(text).is_ok()),
        _ => return Ok(None),
    }))
}

fn net_of(text: &str) -> Result<IpNet, EvalError> {
    parse_net(text).map_err(|why| {
        EvalError::error(format!(
            "network address parse error during conversion from string: {why}"
        ))
    })
}

/// Functions on an address.
pub(super) fn ip<'a>(function: &str, ip: &IpAddr) -> Option<Value<'a>> {
    let multicast = match ip {
        IpAddr::V4(four) => four.octets()[..3] == [224, 0, 0],
        IpAddr::V6(six) => six.segments()[0] & 0xff0f == 0xff02,
    };
    let local = match ip {
        IpAddr::V4(four) => four.is_link_local(),
        IpAddr::V6(six) => six.is_unicast_link_local(),
    };
    let broadcast = matches!(ip, IpAddr::V4(four) if four.is_broadcast());
    Some(Value::Bool(match function {
        "family" => return Some(Value::Int(if ip.is_ipv4() { 4 } else { 6 })),
        "isUnspecified" => ip.is_unspecified(),
        "isLoopback" => ip.is_loopback(),
        "isLinkLocalMulticast" => multicast,
        "isLinkLocalUnicast" => local,
        "isGlobalUnicast" => {
            !(ip.is_unspecified() || ip.is_loopback() || ip.is_multicast() || local || broadcast)
        }
        _ => return None,
    }))
}

/// Functions on a network.
pub(super) fn cidr<'a>(function: &str, net: &IpNet, args: &[Value<'a>]) -> Found<'a> {
    let inside = |other: &IpNet| {
        let overlap = net.contains(&other.addr()) || other.contains(&net.addr());
        overlap && net.prefix_len() <= other.prefix_len()
    };
    Ok(Some(match (function, &args[1..]) {
        ("ip", []) => Opaque::Ip(net.addr()).into(),
        ("prefixLength", []) => Value::Int(i64::from(net.prefix_len())),
        ("masked", []) => Opaque::Cidr(net.trunc()).into(),
        ("containsIP", [Value::String(text)]) => {
            Value::Bool(net.contains(&parse(text).map_err(EvalError::error)?))
        }
        ("containsIP", [Value::Opaque(Opaque::Ip(ip))]) => Value::Bool(net.contains(ip)),
        ("containsCIDR", [Value::String(text)]) => Value::Bool(inside(&net_of(text)?)),
        ("containsCIDR", [Value::Opaque(Opaque::Cidr(other))]) => Value::Bool(inside(other)),
        _ => return Ok(None),
    }))
}
