//! simulation.pocketshift.io: the cluster's clock. A group of our own: no cluster but a simulated one has it.

pub use super::awaited::Awaited;

use super::cells;
use crate::{
    error::{Causes, Error},
    kinds::{Catalogue, Column, Cx, Hooks, Kind},
    object::{ObjectExt, Value, json, time::seconds},
    world::FASTEST,
};
use jiff::{SignedDuration, Timestamp};

/// What is simulated, as objects.
pub const SIMULATION: &str = "simulation.pocketshift.io";

/// Where clocks are kept.
pub const CLOCKS: &str = "clocks.simulation.pocketshift.io";

/// Fields of a spec that are carried out once and then gone.
pub const ONCE: [&str; 4] = ["step", "until", "next", "wait"];

/// `clocks.simulation.pocketshift.io`.
pub static CLOCK: Kind = Kind {
    group: SIMULATION,
    kind: "Clock",
    plural: "clocks",
    namespaced: false,
    schema: "io.pocketshift.simulation.v1.Clock",
    columns: &[
        Column::text("Now", "What the clock shows.", |o, _| cells::text(o, "status.now")),
        Column::text("Rate", "Seconds that pass in one of the machine's.", |o, _| {
            json!(o.at("status.rate").map(Value::to_string).unwrap_or_default())
        }),
        Column::text("Next", "When something happens next.", |o, _| cells::text(o, "status.next")),
    ],
    hooks: Hooks {
        default: Some(default),
        prepare: Some(prepare),
        validate: Some(validate),
        ..Hooks::NONE
    },
    ..Kind::BASE
};

/// What is carried out once.
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    /// Move on by so much.
    Step(SignedDuration),
    /// Move on to a moment.
    Until(Timestamp),
    /// Move on to when something happens next.
    Next,
    /// Move on until something holds.
    Wait(Awaited),
}

impl Order {
    /// What a clock asks for, if it does; or which field says nothing that can be done, and why.
    pub fn of(clock: &Value) -> Option<Result<Order, (&'static str, String)>> {
        let text = |path: &str| {
            clock.at(path).filter(|v| !v.is_null()).map(|v| v.as_str().unwrap_or_default())
        };
        if let Some(said) = text("spec.step") {
            return Some(match said.parse::<SignedDuration>() {
                Ok(by) if by.is_negative() => Err(("spec.step", "time does not go back".into())),
                Ok(by) => Ok(Order::Step(by)),
                Err(_) => Err(("spec.step", "must be a duration such as 90s, 15m or 1h30m".into())),
            });
        }
        if let Some(said) = text("spec.until") {
            let moment = said.parse().map(Order::Until);
            return Some(moment.map_err(|_| ("spec.until", "must be a moment (RFC 3339)".into())));
        }
        if let Some(said) = clock.at("spec.wait").filter(|v| !v.is_null()) {
            let awaited = Awaited::read(&words(said)).map(Order::Wait);
            return Some(awaited.map_err(|why| ("spec.wait", why)));
        }
        let next = clock.at("spec.next").and_then(Value::as_bool) == Some(true);
        next.then_some(Ok(Order::Next))
    }
}

/// What is awaited, as `pocketshift time until --for` says it.
fn words(said: &Value) -> Vec<(String, String)> {
    let text = |word: &str| Some((word.to_owned(), said.get(word)?.as_str()?.to_owned()));
    Awaited::WORDS.iter().filter_map(|word| text(word)).collect()
}

fn default(clock: &mut Value) {
    for (field, value) in [("spec.rate", json!(1)), ("spec.stopped", json!(false))] {
        if clock.at(field).is_none_or(Value::is_null) {
            clock.set_at(field, value);
        }
    }
}

/// Where the clock stands decides where it can go.
fn prepare(clock: &mut Value, _: Option<&Value>, cx: &Cx<'_>) -> Result<(), Error> {
    let (now, mut causes) = (cx.world.clock.now(), Causes::default());
    let wrong = match Order::of(clock) {
        Some(Ok(Order::Step(by))) if now.checked_add(by).is_err() => {
            Some(("spec.step", "that is too far".to_owned()))
        }
        Some(Ok(Order::Until(moment))) if moment < now => {
            Some(("spec.until", format!("it is {} already", seconds(now))))
        }
        Some(Ok(Order::Wait(awaited))) => {
            let kinds = Catalogue::of(cx.snapshot, cx.families);
            awaited.kind(&kinds).err().map(|why| ("spec.wait", why))
        }
        _ => None,
    };
    let Some((field, why)) = wrong else { return Ok(()) };
    causes.invalid(field, clock.at(field).unwrap_or(&Value::Null), why);
    let (kind, name) = (format!("Clock.{SIMULATION}"), clock.name().to_owned());
    Err(Error::Invalid { kind, name, causes: causes.into_vec() })
}

fn validate(clock: &Value, _: Option<&Value>, out: &mut Causes) {
    if clock.name() != "cluster" {
        let why = "there is one clock, and its name is \"cluster\"";
        out.invalid("metadata.name", &json!(clock.name()), why);
    }
    if let Some(rate) = clock.at("spec.rate").filter(|r| !r.is_null())
        && rate.as_f64().is_none_or(|r| !(0.0..=FASTEST).contains(&r))
    {
        out.invalid("spec.rate", rate, format!("must be a number from 0 to {FASTEST}"));
    }
    if let Some(Err((field, why))) = Order::of(clock) {
        out.invalid(field, clock.at(field).unwrap_or(&Value::Null), why);
    }
    let is_said = |field: &&&str| {
        let value = clock.at("spec").and_then(|spec| spec.get(field));
        value.is_some_and(|v| !v.is_null() && *v != json!(false))
    };
    if ONCE.iter().filter(is_said).count() > 1 {
        out.forbidden("spec", format!("say one of {}", ONCE.join(", ")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_clocks_are_told_where_and_why() {
        let rows = [
            (json!({"rate": 1000}), ""),
            (json!({"rate": 1000.5}), "spec.rate: must be a number from 0 to 1000"),
            (json!({"rate": -1}), "spec.rate: must be a number from 0 to 1000"),
            (json!({"step": "15m"}), ""),
            (json!({"step": "soon"}), "spec.step: must be a duration such as 90s, 15m or 1h30m"),
            (json!({"step": "-5m"}), "spec.step: time does not go back"),
            (json!({"until": "tomorrow"}), "spec.until: must be a moment (RFC 3339)"),
            (json!({"next": true, "step": "1s"}), "spec: say one of step, until, next, wait"),
            (json!({"wait": {"for": "delete", "resource": "pod", "name": "p"}}), ""),
            (
                json!({"wait": {"for": "ready", "resource": "pod", "name": "p"}}),
                "spec.wait: must be condition=TYPE[=STATUS] or delete",
            ),
            (json!({"next": false, "step": "1s"}), ""),
        ];
        for (spec, expected) in rows {
            let mut causes = Causes::default();
            let clock = json!({"metadata": {"name": "cluster"}, "spec": spec});
            validate(&clock, None, &mut causes);
            let found: Vec<String> = causes
                .into_vec()
                .iter()
                .map(|c| format!("{}: {}", c.field, c.message.rsplit(": ").next().unwrap()))
                .collect();
            assert_eq!(found.join("; "), expected, "{clock}");
        }
        let mut causes = Causes::default();
        validate(&json!({"metadata": {"name": "second"}}), None, &mut causes);
        assert_eq!(causes.into_vec()[0].field, "metadata.name");
    }
}
