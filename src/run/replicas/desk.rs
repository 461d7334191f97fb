//! What the administrator of all clusters asks for, carried to the replica it concerns.
//!
//! | | |
//! |---|---|
//! | `GET /clusters/_replicas` | the replicas, their addresses, and how many clusters each has |
//! | `POST /clusters/_replicas/NAME/drain` | its clusters go to others, and it takes none |
//! | `POST /clusters/_replicas/NAME/resume` | it takes clusters again |

use super::Replica;
use crate::{
    catalog::complaint::*,
    object::{Value, json},
    registry::Order,
    replicas::{Ask, Peer, PeerAnswer},
    run::host::{MAIN, exists, invalid},
    world::{Clock, SystemClock},
};
use jiff::{SignedDuration, Timestamp};

/// What no cluster is called: the part of the path that speaks of replicas.
pub(in crate::run) const REPLICAS: &str = "_replicas";

/// How long an order waits for a cluster that is being opened, and between two looks.
const OPENING: SignedDuration = SignedDuration::from_secs(10);
const LOOK: SignedDuration = SignedDuration::from_millis(50);

type Refused = Result<Value, DistributionError>;

/// A refusal, as another replica is told of it.
pub(super) fn told(why: &DistributionError) -> Value {
    json!({"code": why.code.name, "message": why.message})
}

fn refusal(told: &Value) -> DistributionError {
    let known = [&CLUSTER_UNKNOWN, &CLUSTER_EXISTS, &CLUSTER_INVALID, &UNSUPPORTED, &UNAVAILABLE];
    let code = known.iter().find(|code| told["code"] == code.name).copied().unwrap_or(&UNKNOWN);
    DistributionError::saying(code, told["message"].as_str().unwrap_or("unknown"))
}

impl Replica {
    /// Sees to an order that concerns others; `None` when it concerns this replica alone.
    pub async fn see_to(&self, order: &Order) -> Option<Refused> {
        let path: Vec<&str> = order.path.iter().map(String::as_str).collect();
        // Who orders may have ordered something else at another replica just before.
        let chart = self.atlas.fresh().await;
        match (order.method.as_str(), path.as_slice()) {
            ("GET", [REPLICAS]) => Some(Ok(self.list())),
            ("POST", [REPLICAS, name, what @ ("drain" | "resume")]) => {
                Some(self.drain(name, *what == "drain").await)
            }
            (_, [REPLICAS, ..]) => Some(Err(DistributionError::new(&UNSUPPORTED))),
            ("GET", []) => Some(self.all(order).await),
            ("POST", [name]) => {
                if chart.cards.contains_key(*name) || *name == MAIN {
                    return Some(Err(exists(name)));
                }
                let from = order.query.iter().find(|(key, _)| key == "from");
                let there = match from {
                    Some((_, from)) => chart.owners.get(from),
                    None => chart.freest(),
                };
                self.pass(there?, order).await
            }
            (_, [name, ..]) => {
                let there = chart.owners.get(*name)?;
                let whole = chart.cards.contains_key(*name) && !chart.is_unfinished(name);
                if there == self.atlas.process() && whole {
                    self.until_open(name).await;
                }
                self.pass(there, order).await
            }
            _ => None,
        }
    }

    /// Waits until a cluster is opened that has become ours just now.
    async fn until_open(&self, name: &str) {
        // Between machines it is real time that counts.
        let clock = SystemClock;
        let after = |span| clock.now().checked_add(span).unwrap_or(Timestamp::MAX);
        let ends = after(OPENING);
        while self.host.upgrade().is_some_and(|host| host.is_opening(name)) && clock.now() < ends {
            clock.sleep_until(after(LOOK)).await;
        }
    }

    /// Lets another replica carry an order out; `None` if that is this one.
    async fn pass(&self, process: &str, order: &Order) -> Option<Refused> {
        if process == self.atlas.process() {
            return None;
        }
        let chart = self.atlas.now();
        let away = || DistributionError::saying(&UNAVAILABLE, "its replica is not there just now");
        let Some(member) = chart.members.get(process) else { return Some(Err(away())) };
        Some(self.ask(member, order).await)
    }

    async fn ask(&self, member: &Peer, order: &Order) -> Refused {
        let query: Vec<Value> = order.query.iter().map(|(k, v)| json!([k, v])).collect();
        let order = json!({
            "method": order.method, "path": order.path, "query": query, "body": order.body,
        });
        let failed = |e: std::io::Error| {
            DistributionError::saying(&UNAVAILABLE, format!("replica {}: {e}", member.name))
        };
        match self.tunnel.ask(member, &Ask::Order(order)).await.map_err(failed)?.0 {
            PeerAnswer::Done(done) => Ok(done),
            PeerAnswer::Refused(why) => Err(refusal(&why)),
            _ => Err(invalid("the replica has not understood")),
        }
    }

    /// The clusters of all replicas.
    async fn all(&self, order: &Order) -> Refused {
        let host = self.host.upgrade();
        let host = host.ok_or_else(|| DistributionError::new(&UNAVAILABLE))?;
        let mut all = host.listed();
        let chart = self.atlas.now();
        for (process, member) in &chart.members {
            if process == self.atlas.process() {
                continue;
            }
            if let Ok(answer) = self.ask(member, order).await {
                all.extend(answer["clusters"].as_array().cloned().unwrap_or_default());
            }
        }
        all.sort_by_key(|one| (one["name"] != MAIN, one["name"].as_str().map(str::to_owned)));
        Ok(json!({ "clusters": all }))
    }

    fn list(&self) -> Value {
        let chart = self.atlas.now();
        let one = |(process, member): (&String, &Peer)| {
            json!({
                "name": member.name, "url": member.url, "door": member.door,
                "drained": member.drained, "clusters": chart.load(process),
                "main": chart.owners.get(MAIN) == Some(process),
            })
        };
        json!({ "replicas": chart.members.iter().map(one).collect::<Vec<_>>() })
    }

    async fn drain(&self, name: &str, drained: bool) -> Refused {
        let chart = self.atlas.now();
        let others = chart.members.values().filter(|m| m.name != name && !m.drained).count();
        if drained && others == 0 {
            return Err(invalid("nobody else is there to take its clusters"));
        }
        match self.atlas.drain(name, drained).await {
            Ok(true) => Ok(json!({"name": name, "drained": drained})),
            Ok(false) => {
                let why = format!("there is no replica {name:?}");
                Err(DistributionError::saying(&CLUSTER_UNKNOWN, why))
            }
            Err(why) => Err(DistributionError::saying(&UNAVAILABLE, why.to_string())),
        }
    }
}

/// An order that another replica has passed on.
pub(in crate::run) fn order(value: Value) -> Order {
    let texts = |value: &Value| -> Vec<String> {
        let list = value.as_array().into_iter().flatten();
        list.map(|v| v.as_str().unwrap_or_default().to_owned()).collect()
    };
    let pair = |pair: &Value| {
        let mut pair = texts(pair).into_iter();
        (pair.next().unwrap_or_default(), pair.next().unwrap_or_default())
    };
    Order {
        method: value["method"].as_str().unwrap_or_default().to_owned(),
        path: texts(&value["path"]),
        query: value["query"].as_array().into_iter().flatten().map(pair).collect(),
        body: value["body"].clone(),
    }
}
