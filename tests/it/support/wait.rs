//! Waiting for a state, never for a time: the state is asked for again whenever the server may
//! have changed it, and a wait that runs out says what it saw last.

use futures_util::StreamExt;
use kube::{
    Api, ResourceExt,
    api::{DynamicObject, WatchEvent, WatchParams},
};
use serde_json::Value;
use std::{fmt::Display, future::Future, time::Duration};

/// How long any wait may take. Never reached unless something is broken.
pub const BOUND: Duration = Duration::from_secs(60);

/// How long a test goes on that breaks things again and again, if somebody says so.
pub fn long() -> Duration {
    let said = std::env::var("POCKETSHIFT_CHAOS").ok();
    Duration::from_secs(said.and_then(|text| text.parse().ok()).unwrap_or(0))
}
/// Between two looks at a state that cannot be watched.
const PAUSE: Duration = Duration::from_millis(20);

/// Looks until the answer is `Ok`; panics with the last `Err` when [`BOUND`] is over.
#[track_caller]
pub fn eventually<T, E, F, Fut>(what: &str, look: F) -> impl Future<Output = T>
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<T, E>>,
    E: Display,
{
    let caller = std::panic::Location::caller();
    async move {
        let began = tokio::time::Instant::now();
        let mut every = tokio::time::interval(PAUSE);
        loop {
            every.tick().await;
            match look().await {
                Ok(found) => return found,
                Err(last) if began.elapsed() > BOUND => {
                    panic!("{caller}: waited {BOUND:?} for {what}; last seen: {last}")
                }
                Err(_) => {}
            }
        }
    }
}

/// Watches one object until `done`; answers it. A deletion shows as `Value::Null`.
pub async fn object(
    api: &Api<DynamicObject>,
    name: &str,
    what: &str,
    done: impl Fn(&Value) -> bool,
) -> Value {
    let mut last = Value::Null;
    let seen = tokio::time::timeout(BOUND, follow(api, name, &mut last, done)).await;
    match seen {
        Ok(()) => last,
        Err(_) => panic!("waited {BOUND:?} for {name}: {what}; last seen: {}", shown(&last)),
    }
}

async fn follow(
    api: &Api<DynamicObject>,
    name: &str,
    last: &mut Value,
    done: impl Fn(&Value) -> bool,
) {
    loop {
        let list = api
            .list(&kube::api::ListParams::default().fields(&format!("metadata.name={name}")))
            .await
            .expect("a list");
        let from = list.metadata.resource_version.clone().unwrap_or_default();
        *last = list.items.first().map(value).unwrap_or_default();
        if done(last) {
            return;
        }
        let params = WatchParams::default().fields(&format!("metadata.name={name}"));
        let Ok(events) = api.watch(&params, &from).await else { continue };
        let mut events = std::pin::pin!(events);
        while let Some(Ok(event)) = events.next().await {
            match event {
                WatchEvent::Added(o) | WatchEvent::Modified(o) => *last = value(&o),
                WatchEvent::Deleted(_) => *last = Value::Null,
                _ => continue,
            }
            if done(last) {
                return;
            }
        }
    }
}

/// A dynamic object as the JSON it came from.
pub fn value(object: &DynamicObject) -> Value {
    serde_json::to_value(object).expect("an object")
}

/// An object without what drowns the rest.
fn shown(object: &Value) -> String {
    let mut object = object.clone();
    if let Some(meta) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        meta.remove("managedFields");
    }
    object.to_string()
}

/// The revision of a dynamic object as a number.
pub fn rev(object: &DynamicObject) -> u64 {
    object.resource_version().and_then(|v| v.parse().ok()).expect("a revision")
}
