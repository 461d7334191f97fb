//! `busybox`: calls its applets by name.

use super::{TABLE, find};
use crate::sim::shell::{
    builtins,
    process::{Done, Process},
};

/// Applets that are another program than the command of the same name.
const OWN: [(&str, &str); 5] = [
    ("ip", "ip-busybox"),
    ("nc", "nc-busybox"),
    ("nslookup", "nslookup-busybox"),
    ("sh", "ash"),
    ("wget", "wget-busybox"),
];

/// Commands that are none of its applets.
const NONE: [&str; 9] =
    ["bash", "busybox", "crictl", "curl", "dash", "dig", "getent", "host", "systemctl"];

fn names() -> impl Iterator<Item = &'static str> {
    let own = TABLE.iter().map(|(name, _)| *name);
    own.filter(|name| !name.contains('-') && !NONE.contains(name)).chain(["sh"])
}

pub async fn busybox(p: &mut Process, argv: &[String]) -> Done {
    let Some(name) = argv.get(1) else {
        let mut all: Vec<&str> = names().collect();
        all.sort_unstable();
        p.out(format!(
            "BusyBox v1.37.0 (2024-09-26 21:31:42 UTC) multi-call binary.\nBusyBox is copyrighted by many authors between 1998-2015.\nLicensed under GPLv2. See source distribution for detailed\ncopyright notices.\n\nUsage: busybox [function [arguments]...]\n   or: busybox --list[-full]\n   or: busybox --show SCRIPT\n   or: busybox --install [-s] [DIR]\n   or: function [arguments]...\n\nCurrently defined functions:\n\t{}\n",
            all.join(", ")
        ))
        .await?;
        return Ok(0);
    };
    if name == "--list" {
        let mut all: Vec<&str> = names().collect();
        all.sort_unstable();
        p.out(all.join("\n") + "\n").await?;
        return Ok(0);
    }
    let known = names().any(|n| n == name);
    let program = OWN.iter().find(|(n, _)| n == name).map_or(name.as_str(), |(_, program)| program);
    let Some(run) = find(program).or_else(|| builtins::find(program)).filter(|_| known) else {
        p.err(format!("{name}: applet not found")).await;
        return Ok(127);
    };
    let before = (p.dialect, p.prompt);
    p.becomes(program);
    let done = run(p, &argv[1..]).await;
    (p.dialect, p.prompt) = before;
    done
}
