//! Which server is next: what the router remembers of its choices.
//! Source: haproxy's `balance`; the turns are those of smooth weighted round robin.

use super::{
    options::Algorithm,
    servers::{Server, Servers},
};
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

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
    busy: HashMap<String, Arc<AtomicUsize>>,
}

/// A request a server is at; over when this is dropped.
pub struct Busy(Arc<AtomicUsize>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
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
        if !all.contains_key(route) {
            all.insert(route.to_owned(), Turns::default());
        }
        let turns = all.get_mut(route)?;
        let same = known.and_then(|id| servers.all.iter().find(|s| s.id == id));
        let chosen = same.or_else(|| turns.next(servers, rule, client, chance))?;
        Some((chosen, turns.busy_at(chosen, servers)))
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

    /// Counts one more request at a server; those of servers that are gone are forgotten.
    fn busy_at(&mut self, server: &Server, servers: &Servers) -> Busy {
        if !self.busy.contains_key(&server.id) {
            self.busy.retain(|id, _| servers.all.iter().any(|s| s.id == *id));
            self.busy.insert(server.id.clone(), Arc::default());
        }
        let count = self.busy.get(&server.id).cloned().unwrap_or_default();
        count.fetch_add(1, Ordering::Relaxed);
        Busy(count)
    }

    fn load(&self, server: &Server) -> f64 {
        let busy = self.busy.get(&server.id).map_or(0, |count| count.load(Ordering::Relaxed));
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
