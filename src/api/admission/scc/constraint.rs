//! A SecurityContextConstraints object as the plug-in reads it, and how strict it is.
//!
//! Source: apiserver-library-go `util/sort` (points) and `sccmatching` (ranges of the namespace).

use super::{GROUPS, MCS, RESOURCE, UID_RANGE};
use crate::{
    object::{ObjectExt, Value},
    store::{Entry, Snapshot},
};
use serde::Deserialize;
use std::sync::Arc;

/// How one kind of id is chosen and checked.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Strategy {
    /// `MustRunAs`, `MustRunAsRange`, `MustRunAsNonRoot`, `RunAsAny`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The uid of `MustRunAs`.
    pub uid: Option<i64>,
    /// First uid of `MustRunAsRange`.
    pub uid_range_min: Option<i64>,
    /// Last uid of `MustRunAsRange`.
    pub uid_range_max: Option<i64>,
    /// Groups of `MustRunAs`.
    pub ranges: Option<Vec<Range>>,
    /// SELinux context of `MustRunAs`.
    #[serde(rename = "seLinuxOptions")]
    pub se_linux_options: Option<Value>,
}

/// Ids from `min` to `max`, both included.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Range {
    /// First.
    pub min: i64,
    /// Last.
    pub max: i64,
}

/// A driver of flex volumes.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct FlexVolume {
    /// Its name.
    pub driver: String,
}

/// The object. Lists may be null.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct Constraint {
    #[serde(skip)]
    pub name: String,
    pub priority: Option<i64>,
    pub allow_host_network: bool,
    #[serde(rename = "allowHostPID")]
    pub allow_host_pid: bool,
    #[serde(rename = "allowHostIPC")]
    pub allow_host_ipc: bool,
    pub allow_host_ports: bool,
    pub allow_privileged_container: bool,
    pub allow_privilege_escalation: Option<bool>,
    pub default_allow_privilege_escalation: Option<bool>,
    pub read_only_root_filesystem: bool,
    allowed_capabilities: Option<Vec<String>>,
    default_add_capabilities: Option<Vec<String>>,
    required_drop_capabilities: Option<Vec<String>>,
    seccomp_profiles: Option<Vec<String>>,
    volumes: Option<Vec<String>>,
    allowed_flex_volumes: Option<Vec<FlexVolume>>,
    pub user_namespace_level: String,
    allowed_unsafe_sysctls: Option<Vec<String>>,
    forbidden_sysctls: Option<Vec<String>>,
    users: Option<Vec<String>>,
    groups: Option<Vec<String>>,
    pub run_as_user: Strategy,
    pub se_linux_context: Strategy,
    pub fs_group: Strategy,
    pub supplemental_groups: Strategy,
}

fn list(field: &Option<Vec<String>>) -> &[String] {
    field.as_deref().unwrap_or_default()
}

/// All constraints, best first: by priority, then the most restrictive, then by name.
#[derive(Debug, Default)]
pub struct Ranked(pub Vec<Arc<Constraint>>);

impl Ranked {
    /// Of the stored objects, worked out once for as long as they stay as they are.
    pub fn of(snapshot: &Snapshot) -> Arc<Ranked> {
        snapshot.derived(RESOURCE, |snapshot| {
            let all = snapshot.list(RESOURCE, "").map(|e| Arc::new(Constraint::of(e)));
            let mut all: Vec<_> = all.collect();
            all.sort_by_cached_key(|c| (-c.priority.unwrap_or(0), c.points(), c.name.clone()));
            Ranked(all)
        })
    }
}

impl Constraint {
    fn of(entry: &Entry) -> Constraint {
        let read = entry.read(|text| serde_json::from_slice::<Constraint>(text));
        let read = read.unwrap_or_default();
        Constraint { name: entry.meta.name.to_string(), ..read }
    }
    /// Capabilities that may be added.
    pub fn allowed_capabilities(&self) -> &[String] {
        list(&self.allowed_capabilities)
    }
    /// Capabilities that are added unless dropped.
    pub fn default_capabilities(&self) -> &[String] {
        list(&self.default_add_capabilities)
    }
    /// Capabilities that must be dropped.
    pub fn required_drops(&self) -> &[String] {
        list(&self.required_drop_capabilities)
    }
    /// Seccomp profiles, in annotation form.
    pub fn seccomp_profiles(&self) -> &[String] {
        list(&self.seccomp_profiles)
    }
    /// Volume types.
    pub fn volumes(&self) -> &[String] {
        list(&self.volumes)
    }
    /// Drivers of flex volumes; all if none is named.
    pub fn flex_volumes(&self) -> &[FlexVolume] {
        self.allowed_flex_volumes.as_deref().unwrap_or_default()
    }
    /// Sysctls that are allowed though they reach beyond the pod; names or beginnings with a star.
    pub fn unsafe_sysctls(&self) -> &[String] {
        list(&self.allowed_unsafe_sysctls)
    }
    /// Sysctls that are not allowed.
    pub fn forbidden_sysctls(&self) -> &[String] {
        list(&self.forbidden_sysctls)
    }
    /// Users it is for, whatever RBAC says.
    pub fn users(&self) -> &[String] {
        list(&self.users)
    }
    /// Groups it is for, whatever RBAC says.
    pub fn groups(&self) -> &[String] {
        list(&self.groups)
    }

    /// The more, the less restrictive.
    pub fn points(&self) -> i64 {
        let flag = |on: bool, points: i64| if on { points } else { 0 };
        let run_as = |kind: &str| match kind {
            "RunAsAny" => 40_000,
            "MustRunAsNonRoot" => 30_000,
            "MustRunAsRange" => 20_000,
            "MustRunAs" => 10_000,
            _ => 0,
        };
        flag(self.allow_privileged_container, 1_600_000)
            + flag(self.allow_host_ports, 800_000)
            + flag(self.allow_host_network, 400_000)
            + self.volume_points()
            + self.capability_points()
            + run_as(&self.se_linux_context.kind)
            + run_as(&self.run_as_user.kind)
    }

    fn volume_points(&self) -> i64 {
        let trivial = ["secret", "configMap", "emptyDir", "downwardAPI", "projected", "none"];
        if self.volumes().iter().any(|v| v == "hostPath" || v == "*") {
            200_000
        } else if self.volumes().iter().any(|v| !trivial.contains(&v.as_str())) {
            100_000
        } else {
            0
        }
    }

    fn capability_points(&self) -> i64 {
        let has = |list: &[String], name: &str| list.iter().any(|c| c.eq_ignore_ascii_case(name));
        let count = |list: &[String]| list.len() as i64;
        let allowed = self.allowed_capabilities();
        let adds = match has(allowed, "*") || has(allowed, "ALL") {
            true => 4000,
            false => 10 * count(allowed),
        };
        let drops = match has(self.required_drops(), "ALL") {
            true => -3000,
            false => -50 * count(self.required_drops()),
        };
        (5000 + 300 * count(self.default_capabilities()) + adds + drops).clamp(0, 9999)
    }

    /// The object with what it leaves open taken from what the namespace has been given.
    ///
    /// # Errors
    /// Upstream's text when its user ids cannot be read.
    pub fn preallocated(&self, given: &Ranges) -> Result<Constraint, String> {
        let mut made = self.clone();
        if made.takes_uids() {
            let range = given.uids.clone()?;
            let user = &mut made.run_as_user;
            (user.uid_range_min, user.uid_range_max) = (Some(range.min), Some(range.max));
        }
        let context = &mut made.se_linux_context;
        if context.kind == "MustRunAs" {
            let options = context.se_linux_options.get_or_insert_with(|| crate::object::json!({}));
            if options.str_at("level").is_empty() {
                options.set_at("level", given.level.as_str());
            }
        }
        let open =
            |s: &Strategy| s.kind == "MustRunAs" && s.ranges.as_ref().is_none_or(Vec::is_empty);
        if open(&made.fs_group) {
            // Volumes are shared by the pods of a namespace, so one group must do.
            let first = given.groups.first().map(|g| Range { min: g.min, max: g.min });
            made.fs_group.ranges = Some(first.into_iter().collect());
        }
        if open(&made.supplemental_groups) {
            made.supplemental_groups.ranges = Some(given.groups.clone());
        }
        Ok(made)
    }

    /// Whether its user ids are the namespace's.
    pub fn takes_uids(&self) -> bool {
        let user = &self.run_as_user;
        user.kind == "MustRunAsRange" && user.uid_range_min.is_none()
    }
}

/// What a namespace has been given in its annotations.
#[derive(Debug)]
pub struct Ranges {
    /// User ids, or why they cannot be read.
    pub uids: Result<Range, String>,
    level: String,
    groups: Vec<Range>,
}

impl Ranges {
    /// Reads the annotations.
    ///
    /// # Errors
    /// Upstream's text when they are missing, or the groups cannot be read.
    pub fn of(namespace: &Value) -> Result<Ranges, String> {
        let given = |key: &str| {
            namespace.annotation(key).ok_or_else(|| {
                let name = namespace.name();
                format!("error fetching namespace {name:?}: unable to find annotation {key}")
            })
        };
        let (uids, level) = (given(UID_RANGE)?, given(MCS)?.to_owned());
        let groups = namespace.annotation(GROUPS).unwrap_or(uids);
        let groups = groups.split(',').map(block).collect::<Result<_, _>>()?;
        Ok(Ranges { uids: block(uids), level, groups })
    }
}

/// `1000680000/10000` or `1000680000-1000689999`.
fn block(text: &str) -> Result<Range, String> {
    let bad = || format!("invalid block {text:?}");
    let number = |s: &str| s.trim().parse::<i64>().map_err(|_| bad());
    if let Some((start, size)) = text.split_once('/') {
        let (start, size) = (number(start)?, number(size)?);
        return Ok(Range { min: start, max: start + size - 1 });
    }
    let (start, end) = text.split_once('-').ok_or_else(bad)?;
    Ok(Range { min: number(start)?, max: number(end)? })
}
