//! Which server is next: what the router remembers of its choices.
//! Source: haproxy's `balance`; the turns are those of smooth weighted round robin.

use super::{
    options::Algorithm,
    servers::{Server, Servers},
};
use parking_lot::Mutex;
use std::{collections::HashMap, net::IpAddr, sync::Arc};

/// Most routes whose turns are remembered; then all begin anew.
const MOST: usize = 4096;

/// By uid of the route.
#[derive(Default)]
pub struct Balance(Mutex<HashMap<String, Turns>>);

/// The turns of a route's servers.
#[derive(Default)]
struct Turns {
    /// What each has saved up, by its ID.
    credit: HashMap<String, i64>,
    /// Requests each is at.
    busy: Arc<Mutex<HashMap<String, usize>>>,
}

/// A request a server is at; over when this is dropped.
pub struct Busy {
    all: Arc<Mutex<HashMap<String, usize>>>,
    id: String,
}

impl Busy {
    fn at(all: &Arc<Mutex<HashMap<String, usize>>>, server: &Server) -> Busy {
        *all.lock().entry(server.id.clone()).or_default() += 1;
        Busy { all: Arc::clone(all), id: server.id.clone() }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let mut all = self.all.lock();
        if let Some(count) = all.get_mut(&self.id) {
            *count -= 1;
            if *count == 0 {
                all.remove(&self.id);
            }
        }
    }
}

impl Balance {
    /// The server for a request, by the rule of its route; `known` is the one its client was at.
    /// `chance` chooses one of so many.
    pub fn choose<'a>(
        &self,
        route: &str,
        servers: &'a Servers,
        rule: Algorithm,
        client: IpAddr,
        known: Option<&str>,
        chance: &dyn Fn(u64) -> u64,
    ) -> Option<(&'a Server, Busy)> {
        let mut all = self.0.lock();
        if all.len() >= MOST && !all.contains_key(route) {
            all.clear();
        }
        let turns = all.entry(route.to_owned()).or_default();
        let same = known.and_then(|id| servers.all.iter().find(|s| s.id == id));
        let chosen = same.or_else(|| turns.next(servers, rule, client, chance))?;
        Some((chosen, Busy::at(&turns.busy, chosen)))
    }
}

impl Turns {
    fn next<'a>(
        &mut self,
        servers: &'a Servers,
        rule: Algorithm,
        client: IpAddr,
        chance: &dyn Fn(u64) -> u64,
    ) -> Option<&'a Server> {
        let open: Vec<&Server> = servers.all.iter().filter(|s| s.weight > 0).collect();
        let total: u64 = open.iter().map(|s| u64::from(s.weight)).sum();
        if total == 0 {
            return None;
        }
        match rule {
            Algorithm::RoundRobin => self.in_turn(&open, total),
            Algorithm::Source => at(&open, u64::from(hash(client)) % total),
            Algorithm::Random => {
                let (one, other) = (at(&open, chance(total))?, at(&open, chance(total))?);
                Some(if self.load(other) < self.load(one) { other } else { one })
            }
            Algorithm::LeastConn => {
                let least = open.iter().map(|s| self.load(s)).fold(f64::MAX, f64::min);
                let idle: Vec<&Server> =
                    open.into_iter().filter(|s| self.load(s) <= least).collect();
                let total = idle.iter().map(|s| u64::from(s.weight)).sum();
                self.in_turn(&idle, total)
            }
        }
    }

    fn load(&self, server: &Server) -> f64 {
        let busy = self.busy.lock().get(&server.id).copied().unwrap_or(0);
        (busy + 1) as f64 / f64::from(server.weight)
    }

    /// Every server saves up its weight; who has most is next, and pays for all.
    fn in_turn<'a>(&mut self, open: &[&'a Server], total: u64) -> Option<&'a Server> {
        self.credit.retain(|id, _| open.iter().any(|s| s.id == *id));
        let mut best: Option<(&Server, i64)> = None;
        for server in open {
            let credit = self.credit.entry(server.id.clone()).or_default();
            *credit += i64::from(server.weight);
            if best.is_none_or(|(_, most)| *credit > most) {
                best = Some((server, *credit));
            }
        }
        let (next, _) = best?;
        *self.credit.entry(next.id.clone()).or_default() -= total as i64;
        Some(next)
    }
}

/// The server in whose share a number falls.
fn at<'a>(open: &[&'a Server], mut number: u64) -> Option<&'a Server> {
    for server in open {
        match number.checked_sub(u64::from(server.weight)) {
            Some(rest) => number = rest,
            None => return Some(server),
        }
    }
    None
}

fn hash(client: IpAddr) -> u32 {
    match client {
        IpAddr::V4(ip) => crc32fast::hash(&ip.octets()),
        IpAddr::V6(ip) => crc32fast::hash(&ip.octets()),
    }
}
