//! `/livez`, `/readyz`, `/healthz`, `/version` and `/metrics`.
//! Source of forms and names: k8s.io/apiserver `pkg/server/healthz`, `pkg/server/routes`.

use crate::{
    controllers::Gauge,
    kinds::Name,
    object::{Value, json},
    settings::Versions,
};
use actix_web::{HttpResponse, http::StatusCode};
use parking_lot::Mutex;
use std::{collections::BTreeMap, fmt::Write, sync::Arc, time::Duration};

/// Named conditions that must hold before the server is ready.
#[derive(Clone, Default)]
pub struct Readiness(Arc<Mutex<BTreeMap<&'static str, bool>>>);

impl Readiness {
    /// Declares a check that does not hold yet.
    pub fn expect(&self, name: &'static str) {
        self.0.lock().insert(name, false);
    }
    /// Says whether a check holds.
    pub fn set(&self, name: &'static str, holds: bool) {
        self.0.lock().insert(name, holds);
    }
    /// Whether all hold.
    #[cfg(test)]
    pub fn ready(&self) -> bool {
        self.0.lock().values().all(|v| *v)
    }
    /// Its conditions as checks.
    pub fn checks(&self) -> Vec<Check> {
        let told = |holds: bool| if holds { Ok(()) } else { Err("not yet".to_owned()) };
        self.0.lock().iter().map(|(name, holds)| Check::new(name, told(*holds))).collect()
    }
}

/// A check by its name, and why it fails.
pub struct Check {
    name: &'static str,
    state: Result<(), String>,
}

impl Check {
    /// What came of looking.
    pub fn new(name: &'static str, state: Result<(), String>) -> Check {
        Check { name, state }
    }
}

/// Answers `/healthz`, `/livez`, `/readyz` and single checks below them; `None` when there is no
/// such check.
pub fn health(
    checks: &[Check],
    path: &str,
    verbose: bool,
    excluded: &[&str],
) -> Option<HttpResponse> {
    let (endpoint, single) = path.split_once('/').unwrap_or((path, ""));
    if !single.is_empty() {
        let check = checks.iter().find(|check| check.name == single)?;
        return Some(match &check.state {
            Ok(()) => text(StatusCode::OK, "ok".into()),
            Err(why) => {
                text(StatusCode::INTERNAL_SERVER_ERROR, format!("internal server error: {why}\n"))
            }
        });
    }
    let (mut good, mut lines) = (true, String::new());
    for Check { name, state } in checks {
        // Writing to a String cannot fail.
        let _ = match state {
            _ if excluded.contains(name) => writeln!(lines, "[+]{name} excluded: ok"),
            Ok(()) => writeln!(lines, "[+]{name} ok"),
            Err(_) => {
                good = false;
                writeln!(lines, "[-]{name} failed: reason withheld")
            }
        };
    }
    let unknown = |name: &&str| !checks.iter().any(|check| check.name == *name);
    let mut unknown: Vec<String> =
        excluded.iter().copied().filter(|n| unknown(n)).map(|n| format!("{n:?}")).collect();
    unknown.sort();
    unknown.dedup();
    if !unknown.is_empty() {
        let _ = writeln!(
            lines,
            "warn: some health checks cannot be excluded: no matches for {}",
            unknown.join(",")
        );
    }
    Some(match (good, verbose) {
        (true, false) => text(StatusCode::OK, "ok".into()),
        (true, true) => text(StatusCode::OK, format!("{lines}{endpoint} check passed\n")),
        (false, _) => {
            text(StatusCode::INTERNAL_SERVER_ERROR, format!("{lines}{endpoint} check failed\n"))
        }
    })
}

fn text(code: StatusCode, body: String) -> HttpResponse {
    HttpResponse::build(code)
        .content_type("text/plain; charset=utf-8")
        .insert_header(("X-Content-Type-Options", "nosniff"))
        .body(body)
}

/// `/version`.
pub fn version(versions: &Versions) -> Value {
    let git = &versions.kubernetes;
    let mut parts = git.trim_start_matches('v').split('.');
    let (major, minor) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
    json!({"major": major, "minor": minor, "gitVersion": git, "gitCommit": "",
        "gitTreeState": "clean", "buildDate": "1970-01-01T00:00:00Z", "goVersion": "",
        "compiler": "rustc", "platform": "linux/amd64"})
}

/// Upper bounds of the request duration histogram, in seconds: upstream's.
const BUCKETS: [f64; 22] = [
    0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0,
    10.0, 15.0, 20.0, 30.0, 45.0,
];

/// Name, type, help and value of the controllers' queue metrics, as client-go names them.
type QueueMetric = (&'static str, &'static str, &'static str, fn(&Gauge) -> u64);
const QUEUE_METRICS: [QueueMetric; 3] = [
    ("workqueue_depth", "gauge", "[BETA] Current depth of workqueue", Gauge::depth),
    (
        "workqueue_adds_total",
        "counter",
        "[BETA] Total number of adds handled by workqueue",
        Gauge::adds,
    ),
    (
        "workqueue_retries_total",
        "counter",
        "[BETA] Total number of retries handled by workqueue",
        Gauge::retries,
    ),
];

/// Counts requests as upstream's `apiserver_request_*` metrics do.
#[derive(Default)]
pub struct Metrics(Mutex<Counted>);

#[derive(Default)]
struct Counted {
    totals: BTreeMap<(Labels, u16), u64>,
    durations: BTreeMap<Labels, ([u64; BUCKETS.len()], f64, u64)>,
}

/// Verb, group and resource: all of them names from the catalogue, so that counting allocates
/// nothing.
type Labels = (&'static str, Name, Name);

/// What was asked of etcd, where a cluster is kept there: transactions, those that failed, and how long
/// all took.
pub fn storage(requests: Option<(u64, u64, f64)>) -> String {
    let Some((count, errors, seconds)) = requests else { return String::new() };
    format!(
        "# HELP etcd_requests_total [ALPHA] Etcd request counts for each operation and object type.
# TYPE etcd_requests_total counter
etcd_requests_total{{operation=\"txn\"}} {count}
# HELP etcd_request_errors_total [ALPHA] Etcd failed request counts for each operation and object type.
# TYPE etcd_request_errors_total counter
etcd_request_errors_total{{operation=\"txn\"}} {errors}
# HELP etcd_request_duration_seconds [ALPHA] Etcd request latency in seconds for each operation and object type.
# TYPE etcd_request_duration_seconds histogram
etcd_request_duration_seconds_bucket{{operation=\"txn\",le=\"+Inf\"}} {count}
etcd_request_duration_seconds_sum{{operation=\"txn\"}} {seconds}
etcd_request_duration_seconds_count{{operation=\"txn\"}} {count}
"
    )
}

impl Metrics {
    /// Counts one finished request.
    pub fn observe(&self, labels: Labels, code: u16, took: Duration) {
        let mut c = self.0.lock();
        *c.totals.entry((labels.clone(), code)).or_default() += 1;
        let (buckets, sum, count) =
            c.durations.entry(labels).or_insert_with(|| ([0; BUCKETS.len()], 0.0, 0));
        let seconds = took.as_secs_f64();
        for (bucket, bound) in buckets.iter_mut().zip(BUCKETS) {
            *bucket += u64::from(seconds <= bound);
        }
        *sum += seconds;
        *count += 1;
    }

    /// The Prometheus text form, with the number of stored objects per resource and the state of
    /// the controllers' queues.
    pub fn text(
        &self,
        objects: impl Iterator<Item = (Arc<str>, usize)>,
        revision: u64,
        queues: &[Gauge],
    ) -> String {
        let mut out = String::new();
        let mut line = |text: std::fmt::Arguments<'_>| {
            let _ = writeln!(out, "{text}");
        };
        let c = self.0.lock();
        line(format_args!(
            "# HELP apiserver_request_total [STABLE] Counter of apiserver requests broken out for each verb, dry run value, group, version, resource, scope, component, and HTTP response code."
        ));
        line(format_args!("# TYPE apiserver_request_total counter"));
        for (((verb, group, resource), code), n) in &c.totals {
            line(format_args!(
                "apiserver_request_total{{code=\"{code}\",group=\"{group}\",resource=\"{resource}\",verb=\"{verb}\"}} {n}"
            ));
        }
        line(format_args!(
            "# HELP apiserver_request_duration_seconds [STABLE] Response latency distribution in seconds for each verb, dry run value, group, version, resource, subresource, scope and component."
        ));
        line(format_args!("# TYPE apiserver_request_duration_seconds histogram"));
        for ((verb, group, resource), (buckets, sum, count)) in &c.durations {
            let labels = format!("group=\"{group}\",resource=\"{resource}\",verb=\"{verb}\"");
            for (bound, n) in BUCKETS.iter().zip(buckets) {
                line(format_args!(
                    "apiserver_request_duration_seconds_bucket{{{labels},le=\"{bound}\"}} {n}"
                ));
            }
            line(format_args!(
                "apiserver_request_duration_seconds_bucket{{{labels},le=\"+Inf\"}} {count}"
            ));
            line(format_args!("apiserver_request_duration_seconds_sum{{{labels}}} {sum}"));
            line(format_args!("apiserver_request_duration_seconds_count{{{labels}}} {count}"));
        }
        line(format_args!(
            "# HELP apiserver_storage_objects [STABLE] Number of stored objects at the time of last check split by kind."
        ));
        line(format_args!("# TYPE apiserver_storage_objects gauge"));
        let mut objects: Vec<_> = objects.collect();
        objects.sort();
        for (resource, n) in objects {
            line(format_args!("apiserver_storage_objects{{resource=\"{resource}\"}} {n}"));
        }
        for (name, kind, help, read) in QUEUE_METRICS {
            line(format_args!("# HELP {name} {help}"));
            line(format_args!("# TYPE {name} {kind}"));
            for queue in queues {
                line(format_args!("{name}{{name=\"{}\"}} {}", queue.name, read(queue)));
            }
        }
        line(format_args!("# HELP pocketshift_store_revision Last committed revision."));
        line(format_args!("# TYPE pocketshift_store_revision gauge"));
        line(format_args!("pocketshift_store_revision {revision}"));
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::body::to_bytes;

    async fn said(path: &str, verbose: bool, excluded: &[&str]) -> Option<(u16, String)> {
        let checks = [Check::new("ping", Ok(())), Check::new("etcd", Err("gone".into()))];
        let response = health(&checks, path, verbose, excluded)?;
        let code = response.status().as_u16();
        let bytes = to_bytes(response.into_body()).await.unwrap();
        Some((code, String::from_utf8(bytes.to_vec()).unwrap()))
    }

    #[tokio::test]
    async fn checks_are_told_as_upstream_tells_them() {
        let rows = [
            (
                "readyz",
                false,
                &[][..],
                500,
                "[+]ping ok\n[-]etcd failed: reason withheld\nreadyz check failed\n",
            ),
            ("readyz", false, &["etcd"], 200, "ok"),
            (
                "livez",
                true,
                &["etcd", "x"],
                200,
                "[+]ping ok\n[+]etcd excluded: ok\nwarn: some health checks cannot be excluded: no matches for \"x\"\nlivez check passed\n",
            ),
            ("readyz/ping", false, &[], 200, "ok"),
            ("readyz/etcd", false, &[], 500, "internal server error: gone\n"),
        ];
        for (path, verbose, excluded, code, text) in rows {
            assert_eq!(said(path, verbose, excluded).await, Some((code, text.into())), "{path}");
        }
        assert_eq!(said("readyz/none", false, &[]).await, None);
    }
}
