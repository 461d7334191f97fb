//! The command lines of Kubernetes' programs: which flags there are (tables beside this file), and
//! how one is read. Whatever suites of other releases pass is taken: what is unknown is told, not
//! refused.

/// What a program understands.
pub struct Table {
    rows: &'static str,
}

/// kube-apiserver's.
pub static API_SERVER: Table = Table { rows: include_str!("kube-apiserver.flags") };
/// etcd's.
pub static ETCD: Table = Table { rows: include_str!("etcd.flags") };

impl Table {
    /// Names and what each takes.
    fn flags(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.rows.lines().filter(|l| !l.starts_with('#')).filter_map(|l| l.split_once(' '))
    }

    fn takes(&self, name: &str) -> Option<&'static str> {
        self.flags().find(|(flag, _)| *flag == name).map(|(_, takes)| takes)
    }

    /// What `--help` prints: launchers look for flags at the start of lines.
    pub fn help(&self, program: &str) -> String {
        let mut text = format!("Usage:\n  {program} [flags]\n\nFlags:\n\n");
        for (name, takes) in self.flags() {
            let takes = if takes == "switch" { "" } else { takes };
            text += format!("      --{name} {takes}").trim_end();
            text.push('\n');
        }
        text += "      --help\n      --version\n";
        text
    }

    /// Reads a command line.
    pub fn parse(&self, words: impl Iterator<Item = String>) -> Given {
        let mut given = Given::default();
        let mut words = words.peekable();
        while let Some(word) = words.next() {
            let Some(flag) = word.strip_prefix("--").or_else(|| word.strip_prefix('-')) else {
                given.strange.push(word);
                continue;
            };
            let (name, value) = match flag.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (flag, None),
            };
            // Dashes and underscores are the same.
            let name = if name == "h" { "help".into() } else { name.replace('_', "-") };
            let takes = self.takes(&name);
            if takes.is_none() && !matches!(name.as_str(), "help" | "version") {
                given.strange.push(format!("--{name}"));
            }
            // A switch never takes the next word; of a flag nobody knows a word that is no flag is
            // the value: neither program takes words of its own.
            let wants = match takes {
                Some("switch") => false,
                Some(_) => true,
                None => words.peek().is_some_and(|next| !next.starts_with('-')),
            };
            let value = value.or_else(|| if wants { words.next() } else { Some("true".into()) });
            given.flags.push((name, value.unwrap_or_default()));
        }
        given
    }
}

/// A command line, read.
#[derive(Debug, Default)]
pub struct Given {
    flags: Vec<(String, String)>,
    /// What is not known.
    pub strange: Vec<String>,
}

impl Given {
    /// The value of a flag: the last one given, as far as it says anything.
    pub fn last(&self, name: &str) -> Option<&str> {
        let mut given = self.flags.iter().rev().filter(|(n, _)| n == name);
        given.next().map(|(_, value)| value.as_str()).filter(|v| !v.is_empty())
    }

    /// The values of a flag that may be repeated and joined with commas.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let given = self.each(name);
        given.flat_map(|v| v.split(',')).map(str::trim).filter(|v| !v.is_empty()).collect()
    }

    /// The values of a flag that may be repeated, each as it stands.
    pub fn each(&self, name: &str) -> impl Iterator<Item = &str> {
        self.flags.iter().filter(move |(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// Whether a switch is on; `None` when nobody said.
    pub fn on(&self, name: &str) -> Option<bool> {
        self.last(name).map(|v| matches!(v, "true" | "t" | "T" | "TRUE" | "True" | "1"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(table: &Table, line: &str) -> Given {
        table.parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn every_way_to_write_a_flag() {
        let given = parse(
            &API_SERVER,
            "--secure-port=1 --secure-port 2 --allow-privileged --authorization-mode=RBAC \
             --authorization-mode Node,Webhook --cert-dir= --enable_admission_plugins=A \
             --service-account-issuer https://a,b --from-tomorrow 5 --anonymous-auth=false stray",
        );
        assert_eq!(given.last("secure-port"), Some("2"));
        assert_eq!(given.all("authorization-mode"), ["RBAC", "Node", "Webhook"]);
        assert_eq!(given.on("allow-privileged"), Some(true));
        assert_eq!(given.on("anonymous-auth"), Some(false));
        assert_eq!(given.last("cert-dir"), None);
        assert_eq!(given.all("enable-admission-plugins"), ["A"]);
        assert_eq!(given.each("service-account-issuer").collect::<Vec<_>>(), ["https://a,b"]);
        assert_eq!(given.strange, ["--from-tomorrow", "stray"]);
        let given = parse(&ETCD, "-data-dir d --unsafe-no-fsync -wal-dir w");
        assert_eq!((given.last("data-dir"), given.last("wal-dir")), (Some("d"), Some("w")));
        assert!(given.strange.is_empty() && given.on("unsafe-no-fsync") == Some(true));
    }

    #[test]
    fn help_has_a_flag_at_the_start_of_each_line() {
        let (api_server, etcd) = (API_SERVER.help("kube-apiserver"), ETCD.help("etcd"));
        let has = |help: &str, flag: &str| help.lines().any(|l| l.trim_start().starts_with(flag));
        assert!(has(&api_server, "--secure-port") && !api_server.contains("insecure-port"));
        assert!(has(&etcd, "--unsafe-no-fsync") && has(&etcd, "--listen-client-urls"));
        for table in [&API_SERVER, &ETCD] {
            let names: Vec<&str> = table.flags().map(|(name, _)| name).collect();
            assert!(names.len() > 100 && names.is_sorted());
        }
    }
}
