//! `agnhost logs-generator`: lines like an API server's, evenly over some time.

use super::klog;
use crate::{
    catalog::End,
    sim::{
        containers::programs::{Call, Program, flag},
        images::process::Process,
        shell::process::{Done, Main, Process as Running},
    },
};
use jiff::SignedDuration;

const METHODS: [&str; 3] = ["GET", "POST", "PUT"];
const NAMESPACES: [&str; 3] = ["kube-system", "default", "ns"];
const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// The program.
pub struct Logs;

/// How many lines, over how many seconds.
fn plan(argv: &[String]) -> Option<(u32, f64)> {
    let value = |long, short| flag(argv, long).or_else(|| flag(argv, short));
    let lines = value("log-lines-total", "t").and_then(|t| t.parse().ok())?;
    let seconds = value("run-duration", "d").and_then(super::netexec::seconds)?;
    (lines > 0 && seconds > 0.0).then_some((lines, seconds))
}

impl Program for Logs {
    fn facts(&self, call: &Call<'_>, known: Process) -> Process {
        let ends = match plan(call.argv) {
            Some((_, seconds)) => End { after: seconds, code: 0 },
            None => End { after: 0.0, code: 1 },
        };
        Process { ends: Some(ends), ..known }
    }

    fn main(&self) -> Option<Main> {
        Some(|p, argv| Box::pin(generate(p, argv)))
    }
}

async fn generate(p: &mut Running, argv: &[String]) -> Done {
    let Some((lines, seconds)) = plan(argv) else {
        p.err(
            "F1130 00:00:00.000000       1 logs_generator.go:73] Invalid total number of lines: 0",
        )
        .await;
        return Ok(255);
    };
    let pause = SignedDuration::try_from_secs_f64(seconds / f64::from(lines)).unwrap_or_default();
    // Many lines in little time are written together.
    for id in 0..lines {
        p.step().await?;
        let at = p.clock.now();
        let text = klog(at, &line(id, p.budget_chance()));
        p.err(text.replace("log.go:198", "logs_generator.go:87")).await;
        p.sleep(pause).await;
    }
    Ok(0)
}

fn line(id: u32, chance: u64) -> String {
    let mut chance = chance;
    let mut pick = |n: u64| {
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        ((chance >> 33) % n) as usize
    };
    let (method, namespace) = (METHODS[pick(3)], NAMESPACES[pick(3)]);
    let length = 3 + pick(2);
    let name: String = (0..length).map(|_| LETTERS[pick(LETTERS.len() as u64)] as char).collect();
    format!("{id} {method} /api/v1/namespaces/{namespace}/pods/{name} {}", 200 + pick(400))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_say_how_much() {
        let of = |text: &str| plan(&text.split(' ').map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(
            of("/agnhost logs-generator --log-lines-total 100 --run-duration 20s"),
            Some((100, 20.0))
        );
        assert_eq!(of("/agnhost logs-generator -t 5 -d=1m"), Some((5, 60.0)));
        assert_eq!(of("/agnhost logs-generator"), None);
    }

    #[test]
    fn lines_look_like_requests() {
        let shape = regex::Regex::new(
            r"^7 (GET|POST|PUT) /api/v1/namespaces/(kube-system|default|ns)/pods/[a-z0-9]{3,4} [2-5]\d\d$",
        );
        assert!(shape.unwrap().is_match(&line(7, 99)));
    }
}
