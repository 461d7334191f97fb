//! How often a client may come: what annotations of a route allow each address.
//! Source: haproxy-config.template (`stick-table … conn_cur,conn_rate(3s),http_req_rate(10s)`).

use super::options::Options;
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use std::{
    collections::{HashMap, VecDeque},
    net::IpAddr,
    sync::Arc,
};

/// Most clients of all routes that are remembered. Source: the table's size.
const MOST: usize = 100_000;
/// Seconds over which connections are counted, and requests.
const CONNECTIONS: SignedDuration = SignedDuration::from_secs(3);
const REQUESTS: SignedDuration = SignedDuration::from_secs(10);
/// Most moments that are remembered of a client; a limit beyond it is none.
const DEEPEST: usize = 1_000;

/// What is allowed each address; nothing where there is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateLimits {
    /// Connections at the same time.
    pub concurrent: Option<usize>,
    /// New ones within three seconds.
    pub connections: Option<usize>,
    /// Requests within ten seconds.
    pub requests: Option<usize>,
}

/// A route and an address.
type ClientKey = (String, IpAddr);

/// What is remembered of clients.
#[derive(Default)]
pub struct Clients(Arc<Mutex<HashMap<ClientKey, ClientHistory>>>);

#[derive(Default)]
struct ClientHistory {
    busy: usize,
    came: VecDeque<Timestamp>,
}

/// A request that is being carried.
pub struct Carried {
    clients: Arc<Mutex<HashMap<ClientKey, ClientHistory>>>,
    key: ClientKey,
}

impl Drop for Carried {
    fn drop(&mut self) {
        if let Some(history) = self.clients.lock().get_mut(&self.key) {
            history.busy = history.busy.saturating_sub(1);
        }
    }
}

impl Clients {
    /// Lets a client in, or not. What it gets is held until it is answered; nobody is counted for
    /// routes without limits.
    pub fn admit(
        &self,
        options: &Options,
        route: &str,
        client: IpAddr,
        now: Timestamp,
    ) -> Result<Option<Carried>, ()> {
        let Some(limits) = options.limits else { return Ok(None) };
        let key = (route.to_owned(), client);
        let mut clients = self.0.lock();
        if clients.len() >= MOST && !clients.contains_key(&key) {
            let fresh =
                |h: &ClientHistory| h.came.back().is_some_and(|at| within(*at, now, REQUESTS));
            clients.retain(|_, h| h.busy > 0 || fresh(h));
        }
        let history = clients.entry(key.clone()).or_default();
        while history.came.front().is_some_and(|at| !within(*at, now, REQUESTS)) {
            history.came.pop_front();
        }
        let lately =
            |span| history.came.iter().rev().take_while(|at| within(**at, now, span)).count();
        let over = |limit: Option<usize>, count: usize| limit.is_some_and(|limit| count >= limit);
        let refused = over(limits.concurrent, history.busy)
            || over(limits.connections, lately(CONNECTIONS))
            || over(limits.requests, lately(REQUESTS));
        if history.came.len() == DEEPEST {
            history.came.pop_front();
        }
        // Who is turned away has come all the same.
        history.came.push_back(now);
        if refused {
            return Err(());
        }
        history.busy += 1;
        Ok(Some(Carried { clients: Arc::clone(&self.0), key }))
    }
}

fn within(at: Timestamp, now: Timestamp, span: SignedDuration) -> bool {
    now.duration_since(at) < span
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(concurrent: &str, connections: &str, requests: &str) -> Options {
        let name = |n: &str| format!("haproxy.router.openshift.io/rate-limit-connections{n}");
        let mut all = HashMap::from([(name(""), "true".to_owned())]);
        for (n, value) in
            [(".concurrent-tcp", concurrent), (".rate-tcp", connections), (".rate-http", requests)]
        {
            all.insert(name(n), value.to_owned());
        }
        super::super::options::read(&all)
    }

    /// Which of the requests at these seconds are let in; each is answered at once.
    fn let_in(options: &Options, seconds: &[i64]) -> Vec<bool> {
        let clients = Clients::default();
        let at = |s: &i64| Timestamp::from_second(*s).unwrap();
        let one = |s| clients.admit(options, "r", IpAddr::from([1; 4]), at(s)).is_ok();
        seconds.iter().map(one).collect()
    }

    #[test]
    fn each_address_comes_so_often() {
        assert_eq!(let_in(&options("", "", "2"), &[0, 1, 2, 20]), [true, true, false, true]);
        assert_eq!(let_in(&options("", "1", ""), &[0, 2, 9]), [true, false, true]);
        assert_eq!(let_in(&options("", "", ""), &[0, 0, 0]), [true; 3]);
        let none = Options::default();
        assert_eq!(let_in(&none, &[0; 50]), [true; 50]);
    }

    #[test]
    fn so_many_are_carried_at_the_same_time() {
        let (clients, options) = (Clients::default(), options("1", "", ""));
        let now = Timestamp::from_second(0).unwrap();
        let come = |last: u8| clients.admit(&options, "r", IpAddr::from([1, 1, 1, last]), now);
        let first = come(1).unwrap();
        assert!(come(1).is_err());
        assert!(come(2).is_ok());
        drop(first);
        assert!(come(1).is_ok());
    }
}
