//! What the command line can say of a server, said of a cluster in a program.

use crate::config::Serve;
use clap::{Args, Command, FromArgMatches, builder::Resettable, parser::ValueSource};

/// Flags of a server that holds clusters; they say nothing of a single one.
const SERVERS: &[&str] = &[
    "kubeconfig",
    "clusters_port",
    "seed",
    "log_level",
    "log_format",
    "store",
    "etcd_prefix",
    "etcd_ca",
    "etcd_cert",
    "etcd_key",
    "replica",
    "takeover",
    "etcd_compaction",
    "replica_port",
    "advertise_address",
    "blob_store",
];

/// Clusters of a program are quick, small and in memory.
pub(super) fn usual() -> Serve {
    Serve { instant: true, ..Serve::passing() }
}

/// Understands flags of `serve`. The environment of this program says nothing here.
///
/// # Errors
/// One line for people.
pub(super) fn parse(flags: &[String]) -> Result<Serve, String> {
    let usual = ["--secure-port=0", "--registry-port=0"];
    let closed = ["--router-http-port=off", "--router-https-port=off", "--in-memory"];
    let command = Command::new("pocketshift").no_binary_name(true).args_override_self(true);
    let command = Serve::augment_args(command).disable_help_flag(true);
    let command = command.mut_args(|arg| arg.env(Resettable::Reset));
    let words = usual.into_iter().chain(closed).chain(flags.iter().map(String::as_str));
    let given = command.try_get_matches_from(words).map_err(|e| first_line(&e))?;
    let said = |id: &str| given.value_source(id) == Some(ValueSource::CommandLine);
    if let Some(other) = SERVERS.iter().find(|id| said(id)) {
        let flag = other.replace('_', "-");
        return Err(format!("--{flag}: that is said of a server, not of one cluster"));
    }
    let flags = Serve::from_arg_matches(&given).map_err(|e| first_line(&e))?;
    Ok(Serve { instant: flags.instant || !(said("pace") || said("instant")), ..flags })
}

fn first_line(error: &clap::Error) -> String {
    let text = error.to_string();
    text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parsed(flags: &[&str]) -> Result<Serve, String> {
        parse(&flags.iter().map(|f| (*f).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn nothing_said_is_as_usual() {
        assert_eq!(parsed(&[]), Ok(usual()));
    }

    #[test]
    fn what_is_said_counts_and_the_last_word_of_it() {
        let flags = parsed(&["--nodes", "2", "--secure-port=7", "--nodes=4", "--pace=50"]);
        let flags = flags.expect("flags");
        assert_eq!((flags.nodes, flags.secure_port, flags.pace), (4, 7, 50));
        assert!(!flags.instant && flags.in_memory);
    }

    #[test]
    fn what_is_no_flag_or_a_servers_is_refused() {
        let refused = |flags: &[&str]| parsed(flags).expect_err("refused");
        assert_eq!(refused(&["--nope"]), "unexpected argument '--nope' found");
        assert!(refused(&["--nodes=many"]).starts_with("invalid value 'many' for '--nodes"));
        let server = refused(&["--kubeconfig", "x"]);
        assert_eq!(server, "--kubeconfig: that is said of a server, not of one cluster");
    }

    #[test]
    fn the_flags_of_servers_are_flags() {
        let cli = crate::config::Cli::command();
        for id in SERVERS {
            assert!(cli.get_arguments().any(|arg| arg.get_id() == id), "{id}");
        }
    }
}
