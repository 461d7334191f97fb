//! The clock as an object of the cluster: `clocks.simulation.pocketshift.io`, of which there is one. Any
//! client reads it; whoever may write it moves the clock. Its rate is what the object says; a step is taken
//! once, and is gone from the object when all that was due then is done.

use super::Move;
use crate::{
    api::{
        Answer, Item, Request, Response, Server, Verb,
        computed::{Handled, ordinary},
    },
    error::Error,
    kinds::{
        Served,
        clock::{CLOCKS, ONCE, Order},
    },
    object::{ObjectExt, Value, encode, json},
    store::{Expect, Op},
    world::Reading,
};
use futures_util::future::FutureExt;
use std::sync::Arc;

/// The clock's name.
const NAME: &str = "cluster";

/// Attempts at writing down what it shows: each means that somebody else's succeeded.
const ATTEMPTS: usize = 16;

/// Clocks: read as they stand, and moved by those who write them.
pub fn clocks(server: Arc<Server>, request: Request) -> Handled {
    async move {
        let (verb, dry) = (request.verb, request.options.dry_run);
        let mut answer = ordinary(Arc::clone(&server), request).await?;
        if let (false, Response::One(_, item)) = (dry, &mut answer.response) {
            match verb {
                Verb::Update | Verb::Patch => carry_out(&server, item).await?,
                // A clock that is there again shows what time it is, whatever it was made with.
                Verb::Create => server.keep_time().await.map_err(Error::BadRequest)?,
                _ => {}
            }
        }
        live(&server, verb, &mut answer);
        Ok(answer)
    }
    .boxed_local()
}

/// Whether a request may move a clock: that has its own place in the order of what arrives, and lasts as
/// long as what was due then.
pub fn turns(kind: &Served, verb: Verb) -> bool {
    kind.resource() == CLOCKS && matches!(verb, Verb::Create | Verb::Update | Verb::Patch)
}

/// Does what a clock that was written asks for, and leaves what is there afterwards.
async fn carry_out(server: &Arc<Server>, item: &mut Item) -> Result<(), Error> {
    let (clock, reading) = (item.value(), server.hands().map_err(Error::BadRequest)?.reading());
    let rate = rate(&clock);
    let mut moves = Vec::new();
    if rate != reading.rate {
        moves.push(Move::Rate(rate));
    }
    moves.extend(Order::of(&clock).and_then(Result::ok).map(|order| match order {
        Order::Step(by) => Move::By(by),
        Order::Until(moment) => Move::To(moment),
        Order::Next => Move::Next,
        Order::Wait(awaited) => Move::Until(awaited),
    }));
    for order in moves {
        server.move_time(order).await.map_err(Error::BadRequest)?;
    }
    if let Some(entry) = server.store.snapshot().get(CLOCKS, "", NAME) {
        *item = Item::Value(entry.value());
    }
    Ok(())
}

/// The rate at which a clock that is written so shall run.
fn rate(clock: &Value) -> f64 {
    match clock.at("spec.stopped").and_then(Value::as_bool) {
        Some(true) => 0.0,
        _ => clock.at("spec.rate").and_then(Value::as_f64).unwrap_or(1.0),
    }
}

/// Lets readers see what the clock shows now.
fn live(server: &Server, verb: Verb, answer: &mut Answer) {
    let Ok(time) = server.hands() else { return };
    let shown = |item: &mut Item| {
        let mut clock = item.value();
        if clock.str_at("kind") != "Status" {
            clock.set_at("status", status(&time.reading()));
            *item = Item::Value(clock);
        }
    };
    match &mut answer.response {
        Response::One(_, item) if verb != Verb::Delete => shown(item),
        Response::List(list) => list.items.iter_mut().for_each(shown),
        _ => {}
    }
}

fn status(reading: &Reading) -> Value {
    let mut status = json!({"now": reading.now.to_string(), "rate": number(reading.rate)});
    if let Some(next) = reading.next {
        status["next"] = json!(next.to_string());
    }
    status
}

/// A whole number as people write it.
fn number(rate: f64) -> Value {
    if rate.fract() == 0.0 { json!(rate as i64) } else { json!(rate) }
}

/// Writes into the object what the clock does, if there is one: whoever watches it hears of every move,
/// whichever door it came through.
pub(super) async fn show(server: &Server, reading: &Reading) {
    for _ in 0..ATTEMPTS {
        let snapshot = server.store.snapshot();
        let Some(entry) = snapshot.get(CLOCKS, "", NAME) else { return };
        let clock = shown(entry.value(), reading);
        let put = Op::Put {
            resource: entry.resource.clone(),
            key: entry.key.clone(),
            expect: Expect::Rev(entry.rev),
            body: encode(&clock),
            claims: vec![],
        };
        if server.store.commit(vec![put]).await.is_ok() {
            return;
        }
    }
    tracing::warn!("the clock's object does not show what the clock does");
}

/// A clock's object as it is after a move.
fn shown(mut clock: Value, reading: &Reading) -> Value {
    // A clock that stands keeps the rate it goes on with.
    clock.set_at("spec.stopped", reading.rate == 0.0);
    if reading.rate != 0.0 {
        clock.set_at("spec.rate", number(reading.rate));
    }
    clock.set_at("status", status(reading));
    for order in ONCE {
        clock.remove_at(&format!("spec.{order}"));
    }
    // Nobody owns what is not there any more.
    if let Some(Value::Array(entries)) = clock.pointer_mut("/metadata/managedFields") {
        for spec in entries.iter_mut().filter_map(|e| e.pointer_mut("/fieldsV1/f:spec")) {
            if let Value::Object(spec) = spec {
                spec.retain(|field, _| !ONCE.iter().any(|o| field.strip_prefix("f:") == Some(o)));
            }
        }
    }
    clock
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_move_leaves_what_lasts() {
        let clock = json!({"spec": {"rate": 5, "stopped": false, "step": "15m"},
            "metadata": {"managedFields": [{"fieldsV1": {"f:spec": {"f:step": {}, "f:rate": {}}}}]}});
        let now = "2030-01-01T00:15:00Z".parse().unwrap();
        let clock = shown(clock, &Reading { now, rate: 0.0, next: None });
        assert_eq!(clock["spec"], json!({"rate": 5, "stopped": true}));
        let owned = &clock["metadata"]["managedFields"][0]["fieldsV1"]["f:spec"];
        assert_eq!(*owned, json!({"f:rate": {}}));
        assert_eq!(clock["status"], json!({"now": "2030-01-01T00:15:00Z", "rate": 0}));
        assert_eq!(rate(&clock), 0.0);
        let clock = shown(clock, &Reading { now, rate: 0.5, next: Some(now) });
        assert_eq!((rate(&clock), clock.str_at("status.next")), (0.5, "2030-01-01T00:15:00Z"));
    }
}
