//! The rules of PriorityLevelConfiguration.
//! Source: kubernetes `pkg/apis/flowcontrol/validation`.

use crate::{
    error::Causes,
    kinds::workloads::Field,
    object::{ObjectExt, Value, json},
};

const MOST_QUEUES: i64 = 10_000_000;
const NOT_NEGATIVE: &str = "must be a non-negative integer";
/// Bits of the hash that deals a request its hand of queues.
const HASH_BITS: u32 = 60;

/// Checks the whole object.
pub fn validate(o: &Value, out: &mut Causes) {
    let spec = Field::of(o, "spec");
    let kind = spec.get("type");
    if (o.name() == "exempt") != (kind.text() == "Exempt") {
        let why = "must be 'Exempt' if and only if `name` is 'exempt'";
        out.invalid(&kind.path, &json!(kind.text()), why);
    }
    let (limited, exempt) = (spec.get("limited"), spec.get("exempt"));
    match kind.text() {
        "Exempt" => {
            if limited.is_set() {
                limited.forbidden(out, "must be nil if the type is not Limited");
            }
            bounds(&exempt, NOT_NEGATIVE, out);
        }
        "Limited" => {
            if exempt.is_set() {
                exempt.forbidden(out, "must be nil if the type is Limited");
            }
            if limited.is_set() {
                self::limited(&limited, out);
            } else {
                limited.required(out, "must not be empty when type is Limited");
            }
        }
        other => out.unsupported(&kind.path, &json!(other), &["Exempt", "Limited"]),
    }
    fixed(o, &spec, out);
    super::conditions(o, out);
}

/// Of the two levels every cluster has, only what is exempt from the limits may be changed.
fn fixed(o: &Value, spec: &Field<'_>, out: &mut Causes) {
    match o.name() {
        "exempt" => {
            let others = spec
                .map()
                .into_iter()
                .flatten()
                .any(|(k, _)| !["type", "exempt"].contains(&k.as_str()));
            if others || spec.get("type").text() != "Exempt" {
                spec.invalid(
                    out,
                    "spec of 'exempt' except the 'spec.exempt' field must equal the fixed value",
                );
            }
        }
        "catch-all" => {
            let wanted = json!({"type": "Limited", "limited": {"nominalConcurrencyShares": 5,
                "lendablePercent": 0, "limitResponse": {"type": "Reject"}}});
            if spec.value != Some(&wanted) {
                spec.invalid(out, "spec of 'catch-all' must equal the fixed value");
            }
        }
        _ => {}
    }
}

fn bounds(level: &Field<'_>, why: &str, out: &mut Causes) {
    let shares = level.get("nominalConcurrencyShares");
    if shares.int().is_some_and(|n| n < 0) {
        shares.invalid(out, why);
    }
    level.get("lendablePercent").within(out, 0, 100);
}

fn limited(level: &Field<'_>, out: &mut Causes) {
    let shares = level.get("nominalConcurrencyShares");
    if shares.int().is_some_and(|n| n < 0) {
        shares.invalid(out, NOT_NEGATIVE);
    }
    response(&level.get("limitResponse"), out);
    level.get("lendablePercent").within(out, 0, 100);
    let borrowing = level.get("borrowingLimitPercent");
    if borrowing.int().is_some_and(|n| n < 0) {
        borrowing.invalid(out, "if specified, must be a non-negative integer");
    }
}

fn response(response: &Field<'_>, out: &mut Causes) {
    let (kind, queuing) = (response.get("type"), response.get("queuing"));
    match kind.text() {
        "Reject" if queuing.is_set() => {
            let why = "must be nil if limited.limitResponse.type is not Limited";
            queuing.forbidden(out, why);
        }
        "Queue" if queuing.is_set() => self::queuing(&queuing, out),
        "Queue" => {
            queuing.required(out, "must not be empty if limited.limitResponse.type is Limited");
        }
        "Reject" => {}
        other => out.unsupported(&kind.path, &json!(other), &["Queue", "Reject"]),
    }
}

fn queuing(queuing: &Field<'_>, out: &mut Causes) {
    let (length, queues, hand) =
        (queuing.get("queueLengthLimit"), queuing.get("queues"), queuing.get("handSize"));
    for field in [&length, &queues] {
        if field.int_or_zero() <= 0 {
            field.invalid(out, "must be positive");
        }
    }
    if queues.int_or_zero() > MOST_QUEUES {
        queues.invalid(out, format!("must not be greater than {MOST_QUEUES}"));
    }
    let (n, h) = (queues.int_or_zero(), hand.int_or_zero());
    if h <= 0 {
        hand.invalid(out, "must be positive");
    } else if h > n {
        hand.invalid(out, format!("should not be greater than queues ({n})"));
    } else if entropy_bits(n, h) > f64::from(HASH_BITS) {
        let why = format!(
            "required entropy bits of deckSize {n} and handSize {h} should not be greater than {HASH_BITS}"
        );
        hand.invalid(out, why);
    }
}

/// Bits of chance that dealing `hand` of `deck` cards needs.
fn entropy_bits(deck: i64, hand: i64) -> f64 {
    let number = |n: i64| i32::try_from(n).map_or(f64::INFINITY, f64::from);
    (number(deck).log2() * number(hand)).ceil()
}
