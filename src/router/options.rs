//! What a route's annotations ask of the router. A value that makes no sense is as good as none.
//! Source: openshift/router `pkg/router/template/util`, haproxy-config.template.

use super::limits::RateLimits;
use ipnet::IpNet;
use jiff::SignedDuration;
use std::{collections::HashMap, net::IpAddr};

const HAPROXY: &str = "haproxy.router.openshift.io/";

/// How one of several servers is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// In turn.
    RoundRobin,
    /// The one that does least.
    LeastConn,
    /// Always the same for a client.
    Source,
    /// The less busy of two.
    Random,
}

/// What becomes of the headers that say who asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Forwarded {
    /// Added to what is there.
    #[default]
    Append,
    /// Set in place of what is there.
    Replace,
    /// Set where there is none.
    IfNone,
    /// Left alone.
    Never,
}

/// The annotations of a route that the router knows.
#[derive(Debug)]
pub struct Options {
    /// How a server is chosen, if the route says.
    pub balance: Option<Algorithm>,
    /// How long a pod may take to answer.
    pub timeout: SignedDuration,
    /// How long a connection that has switched protocols may be silent.
    pub tunnel: SignedDuration,
    /// What the path of the route is replaced with.
    pub rewrite_target: Option<String>,
    /// Who may ask; everybody when empty.
    pub allowed: Vec<IpNet>,
    /// Whether clients stay with their pod.
    pub cookies: bool,
    /// Name of the cookie, if not the usual one.
    pub cookie_name: Option<String>,
    /// `SameSite` of the cookie, if not the usual one.
    pub same_site: Option<String>,
    /// Value of `Strict-Transport-Security`.
    pub hsts: Option<String>,
    /// What becomes of the headers that say who asked.
    pub forwarded: Forwarded,
    /// How often each address may come, if there are limits.
    pub limits: Option<RateLimits>,
}

impl Default for Options {
    fn default() -> Options {
        read(&HashMap::new())
    }
}

impl Options {
    /// Whether a client may ask.
    pub fn allows(&self, client: IpAddr) -> bool {
        self.allowed.is_empty() || self.allowed.iter().any(|net| net.contains(&client))
    }
}

/// How long a pod may take to answer when nobody says.
const TIMEOUT: SignedDuration = SignedDuration::from_secs(30);
/// How long a connection that has switched protocols may be silent when nobody says.
const TUNNEL: SignedDuration = SignedDuration::from_hours(1);
/// Most addresses of an allow list. Source: the router's limit for one line of haproxy's.
const MOST_ADDRESSES: usize = 61;

/// Reads the annotations of a route.
pub fn read(annotations: &HashMap<String, String>) -> Options {
    let raw = |name: &str| annotations.get(name).map(String::as_str).filter(|v| !v.is_empty());
    let own = |name: &str| raw(&format!("{HAPROXY}{name}"));
    Options {
        balance: own("balance").and_then(algorithm),
        timeout: own("timeout").and_then(duration).unwrap_or(TIMEOUT),
        tunnel: own("timeout-tunnel").and_then(duration).unwrap_or(TUNNEL),
        rewrite_target: own("rewrite-target").map(str::to_owned),
        allowed: own("ip_allowlist").or(own("ip_whitelist")).map(networks).unwrap_or_default(),
        cookies: !own("disable_cookies").is_some_and(is_true),
        cookie_name: raw("router.openshift.io/cookie_name").filter(|n| is_token(n)).map(Into::into),
        same_site: raw("router.openshift.io/cookie-same-site")
            .filter(|s| ["Lax", "Strict", "None"].contains(s))
            .map(Into::into),
        hsts: own("hsts_header").filter(|h| is_hsts(h)).map(Into::into),
        forwarded: match own("set-forwarded-headers") {
            Some("replace") => Forwarded::Replace,
            Some("if-none") => Forwarded::IfNone,
            Some("never") => Forwarded::Never,
            _ => Forwarded::Append,
        },
        limits: own("rate-limit-connections").filter(|v| is_true(v)).map(|_| {
            let limit = |name: &str| own(&format!("rate-limit-connections.{name}"))?.parse().ok();
            RateLimits {
                concurrent: limit("concurrent-tcp"),
                connections: limit("rate-tcp"),
                requests: limit("rate-http"),
            }
        }),
    }
}

fn algorithm(text: &str) -> Option<Algorithm> {
    Some(match text {
        "roundrobin" => Algorithm::RoundRobin,
        "leastconn" => Algorithm::LeastConn,
        "source" => Algorithm::Source,
        "random" => Algorithm::Random,
        _ => return None,
    })
}

fn is_true(text: &str) -> bool {
    ["true", "TRUE", "True", "1", "t", "T"].contains(&text)
}

fn is_token(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b))
}

fn is_hsts(text: &str) -> bool {
    let small = text.to_lowercase();
    let parts: Vec<&str> = small.split(';').map(str::trim).filter(|p| !p.is_empty()).collect();
    let age = |p: &&str| p.strip_prefix("max-age=").is_some_and(|n| n.parse::<u64>().is_ok());
    parts.iter().any(age)
        && parts.iter().all(|p| age(p) || ["includesubdomains", "preload"].contains(p))
}

/// A time as haproxy writes it: a number, and a unit (milliseconds when there is none).
fn duration(text: &str) -> Option<SignedDuration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let number: i64 = text[..digits].parse().ok().filter(|n| *n > 0)?;
    let micros = match &text[digits..] {
        "us" => 1,
        "" | "ms" => 1_000,
        "s" => 1_000_000,
        "m" => 60_000_000,
        "h" => 3_600_000_000,
        "d" => 86_400_000_000,
        _ => return None,
    };
    // Longer than haproxy can count is as long as it can.
    const LONGEST: i64 = i32::MAX as i64 * 1_000;
    Some(SignedDuration::from_micros(
        number.checked_mul(micros).map_or(LONGEST, |n| n.min(LONGEST)),
    ))
}

/// Addresses and networks, apart by spaces; one that is none spoils the list.
fn networks(text: &str) -> Vec<IpNet> {
    let one = |word: &str| {
        word.parse::<IpNet>().ok().or_else(|| word.parse::<IpAddr>().ok().map(Into::into))
    };
    let all: Option<Vec<IpNet>> =
        text.split_whitespace().take(MOST_ADDRESSES + 1).map(one).collect();
    all.filter(|all| all.len() <= MOST_ADDRESSES).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(rows: &[(&str, &str)]) -> Options {
        read(&rows.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect())
    }

    #[test]
    fn times_have_units() {
        let rows = [
            ("5s", Some(5_000)),
            ("150", Some(150)),
            ("2ms", Some(2)),
            ("1m", Some(60_000)),
            ("0s", None),
            ("s", None),
            ("5 s", None),
            ("-1s", None),
        ];
        for (text, expected) in rows {
            assert_eq!(duration(text).map(|d| d.as_millis()), expected, "{text}");
        }
        assert!(duration("99999999999999999d").is_some());
    }

    #[test]
    fn nonsense_is_as_good_as_nothing() {
        let name = |n: &str| format!("{HAPROXY}{n}");
        let options = with(&[
            (&name("timeout"), "soon"),
            (&name("balance"), "fair"),
            (&name("ip_whitelist"), "10.0.0.1 nobody"),
            (&name("hsts_header"), "max-age=x"),
            ("router.openshift.io/cookie_name", "a b"),
        ]);
        assert_eq!((options.timeout, options.balance), (TIMEOUT, None));
        assert!(options.allowed.is_empty() && options.hsts.is_none());
        assert_eq!(options.cookie_name, None);
    }

    #[test]
    fn lists_say_who_may_ask() {
        let name = format!("{HAPROXY}ip_allowlist");
        let options = with(&[(&name, "192.168.1.10 10.0.0.0/8")]);
        for (client, expected) in [("192.168.1.10", true), ("10.2.3.4", true), ("127.0.0.1", false)]
        {
            assert_eq!(options.allows(client.parse().unwrap()), expected, "{client}");
        }
    }
}
