//! Words of `agnhost` that print something and end.

use crate::{
    catalog::End,
    sim::{
        containers::programs::{Call, Program},
        images::process::Process,
        shell::process::{Done, Main, Process as Running},
    },
};

/// Declares a program that does one thing and ends.
macro_rules! printer {
    ($(#[$doc:meta])* $name:ident, $main:ident) => {
        $(#[$doc])*
        pub struct $name;

        impl Program for $name {
            fn facts(&self, _: &Call<'_>, known: Process) -> Process {
                Process { ends: Some(End { after: 0.0, code: 0 }), ..known }
            }

            fn main(&self) -> Option<Main> {
                Some(|p, argv| Box::pin($main(p, argv)))
            }
        }
    };
}

printer!(
    /// `entrypoint-tester`: its arguments.
    EntrypointTester,
    arguments
);
printer!(
    /// `etc-hosts`: the hosts file.
    EtcHosts,
    hosts
);
printer!(
    /// `dns-suffix`: the domains that are searched.
    Suffixes,
    suffixes
);
printer!(
    /// `dns-server-list`: the name servers of the first line that names any.
    Servers,
    servers
);
printer!(
    /// `nnp`, set-user-ID root: who it effectively is.
    Nnp,
    effective
);

async fn arguments(p: &mut Running, argv: &[String]) -> Done {
    p.out(format!("[{}]\n", argv.join(" "))).await?;
    Ok(0)
}

/// A file, or the way a program of Go's dies without it.
async fn file(p: &Running, path: &str) -> Result<String, i32> {
    match p.fs.read(path, &p.who) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(why) => {
            let why = why.to_string().to_lowercase();
            p.err(format!("panic: open {path}: {why}\n\ngoroutine 1 [running]:")).await;
            Err(2)
        }
    }
}

async fn hosts(p: &mut Running, _: &[String]) -> Done {
    match file(p, "/etc/hosts").await {
        Ok(text) => p.out(text + "\n").await?,
        Err(code) => return Ok(code),
    }
    Ok(0)
}

async fn suffixes(p: &mut Running, _: &[String]) -> Done {
    listed(p, "search").await
}

async fn servers(p: &mut Running, _: &[String]) -> Done {
    listed(p, "nameserver").await
}

/// The words of the first line of the resolver's file that begins with one.
async fn listed(p: &mut Running, word: &str) -> Done {
    let text = match file(p, "/etc/resolv.conf").await {
        Ok(text) => text,
        Err(code) => return Ok(code),
    };
    match text.lines().find_map(|l| l.strip_prefix(word)) {
        Some(rest) => {
            let words: Vec<&str> = rest.split_whitespace().collect();
            p.out(format!("{}\n", words.join(","))).await?;
            Ok(0)
        }
        None => {
            p.err("panic: Could not find DNS search list!\n\ngoroutine 1 [running]:").await;
            Ok(2)
        }
    }
}

async fn effective(p: &mut Running, _: &[String]) -> Done {
    let uid = if p.machine.facts().no_new_privileges { p.who.uid } else { 0 };
    p.out(format!("Effective uid: {uid}\n")).await?;
    Ok(0)
}
