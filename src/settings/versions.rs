//! The releases of OpenShift that can be served, and what the parts of a cluster report of them.

/// Versions the parts of a cluster report.
#[derive(Debug, Clone)]
pub struct Versions {
    /// API server, kubelet and kube-proxy, with the `v`.
    pub kubernetes: String,
    /// Its minor: which groups, versions and kinds are served follows from it.
    pub minor: u8,
    /// The release.
    pub openshift: String,
    /// Container runtime of the nodes.
    pub cri_o: String,
    /// Kernel of the nodes.
    pub kernel: String,
    /// Operating system of the nodes.
    pub os_image: String,
}

/// A minor release: its number, then what its first version consists of.
struct Release {
    minor: u8,
    kubernetes: &'static str,
    kernel: &'static str,
    /// Release of the nodes' system, and when it was built.
    system: (&'static str, &'static str),
}

/// OpenShift 4.N is Kubernetes 1.(N + 13).
const AHEAD: u8 = 13;

/// Every release, the newest first.
static RELEASES: &[Release] = &[
    release(23, "1.36.2", "5.14.0-570.62.1.el9_6.x86_64", ("9.8", "20260512-0")),
    release(22, "1.35.3", "5.14.0-570.62.1.el9_6.x86_64", ("9.6", "20260218-0")),
    release(21, "1.34.2", "5.14.0-570.62.1.el9_6.x86_64", ("9.6", "20251120-0")),
    release(20, "1.33.5", "5.14.0-570.45.1.el9_6.x86_64", ("9.6", "20251013-0")),
    release(19, "1.32.5", "5.14.0-570.17.1.el9_6.x86_64", ("9.6", "20250611-0")),
    release(18, "1.31.5", "5.14.0-427.50.1.el9_4.x86_64", ("", "202502061012-0")),
    release(17, "1.30.4", "5.14.0-427.37.1.el9_4.x86_64", ("", "202409301552-0")),
    release(16, "1.29.5", "5.14.0-427.18.1.el9_4.x86_64", ("", "202406131906-0")),
    release(15, "1.28.6", "5.14.0-284.52.1.el9_2.x86_64", ("", "202402201450-0")),
    release(14, "1.27.6", "5.14.0-284.36.1.el9_2.x86_64", ("", "202310210434-0")),
];

const fn release(
    minor: u8,
    kubernetes: &'static str,
    kernel: &'static str,
    system: (&'static str, &'static str),
) -> Release {
    Release { minor, kubernetes, kernel, system }
}

impl Default for Versions {
    /// The newest release.
    fn default() -> Versions {
        RELEASES[0].versions(0)
    }
}

impl Release {
    fn versions(&self, patch: u32) -> Versions {
        let (minor, (system, built)) = (self.minor, self.system);
        let os = match system {
            // Until 4.18 the system was numbered after the release.
            "" => format!("4{minor}.94.{built}"),
            own => format!("{own}.{built}"),
        };
        let kubernetes = self.kubernetes;
        let own = kubernetes.rsplit_once('.').map_or(kubernetes, |(minor, _)| minor);
        Versions {
            kubernetes: format!("v{kubernetes}"),
            minor: minor + AHEAD,
            openshift: format!("4.{minor}.{patch}"),
            cri_o: format!("{own}.0-2.rhaos4.{minor}.git1c0a3b7.el9"),
            kernel: self.kernel.into(),
            os_image: format!("Red Hat Enterprise Linux CoreOS {os} (Plow)"),
        }
    }
}

impl Versions {
    /// Those of a release: `4.18`, or one of its versions, `4.18.3`.
    ///
    /// # Errors
    /// Which releases there are.
    pub fn of(text: &str) -> Result<Versions, String> {
        let parts: Option<Vec<u32>> = text.split('.').map(|p| p.parse().ok()).collect();
        let (minor, patch) = match parts.as_deref() {
            Some([4, minor]) => (*minor, 0),
            Some([4, minor, patch]) => (*minor, *patch),
            _ => (0, 0),
        };
        let found = RELEASES.iter().find(|r| u32::from(r.minor) == minor);
        let why = || {
            let (last, first) = (RELEASES[0].minor, RELEASES[RELEASES.len() - 1].minor);
            format!("{text:?} is no release from 4.{first} to 4.{last}")
        };
        found.map(|r| r.versions(patch)).ok_or_else(why)
    }

    /// The release without its patch: `4.23`.
    pub fn stream(&self) -> &str {
        self.openshift.rsplit_once('.').map_or(&self.openshift, |(stream, _)| stream)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_chosen_by_number() {
        let old = Versions::of("4.14").unwrap();
        assert_eq!((old.openshift.as_str(), old.kubernetes.as_str()), ("4.14.0", "v1.27.6"));
        assert_eq!((old.minor, old.stream()), (27, "4.14"));
        assert_eq!(Versions::of("4.18.7").unwrap().openshift, "4.18.7");
        assert_eq!(Versions::of("4.23").unwrap().kubernetes, Versions::default().kubernetes);
        for text in ["4.13", "4.24", "3.11", "4", "4.18.1.2", "4.x", ""] {
            let why = format!("{text:?} is no release from 4.14 to 4.23");
            assert_eq!(Versions::of(text).unwrap_err(), why);
        }
    }

    #[test]
    fn kubernetes_is_thirteen_minors_behind() {
        for release in RELEASES {
            let versions = release.versions(0);
            let minor = versions.kubernetes.split('.').nth(1).unwrap();
            assert_eq!(minor.parse(), Ok(versions.minor));
        }
    }
}
