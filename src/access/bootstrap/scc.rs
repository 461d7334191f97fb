//! The SecurityContextConstraints of a new cluster and the roles that let them be used.
//! Source: openshift/api `security/v1`, openshift/cluster-kube-apiserver-operator.

use super::policy;
use crate::object::{ObjectExt, Value, json};

/// What tells one constraint from the strictest. Flags are letters: `d` host directories, `i` host
/// IPC, `n` host network, `p` host PID, `o` host ports, `e` privilege escalation, `P` privileged.
struct Constraint {
    name: &'static str,
    about: &'static str,
    flags: &'static str,
    priority: Option<i64>,
    drop: &'static [&'static str],
    add: &'static [&'static str],
    run_as: &'static str,
    se_linux: &'static str,
    fs_group: &'static str,
    groups: &'static str,
    seccomp: &'static str,
    /// First and last id of users and groups, when they are not the namespace's.
    ids: Option<(i64, i64)>,
    /// Whether pods need user ids of their own.
    own_users: bool,
    se_linux_type: &'static str,
    users: &'static [&'static str],
    members: &'static [&'static str],
    more_volumes: &'static [&'static str],
}

const BASE: Constraint = Constraint {
    name: "",
    about: "",
    flags: "",
    priority: None,
    drop: &["KILL", "MKNOD", "SETUID", "SETGID"],
    add: &[],
    run_as: "MustRunAsRange",
    se_linux: "MustRunAs",
    fs_group: "MustRunAs",
    groups: "RunAsAny",
    seccomp: "",
    ids: None,
    own_users: false,
    se_linux_type: "",
    users: &[],
    members: &[],
    more_volumes: &[],
};

/// The newer kind: all capabilities dropped, no escalation, the runtime's seccomp profile.
const V2: Constraint =
    Constraint { drop: &["ALL"], add: &["NET_BIND_SERVICE"], seccomp: "runtime/default", ..BASE };

const VOLUMES: &[&str] = &[
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "persistentVolumeClaim",
    "projected",
    "secret",
];

static ALL: &[Constraint] = &[
    Constraint {
        name: "anyuid",
        about: "Like restricted, but pods may run with any UID and GID.",
        flags: "e",
        priority: Some(10),
        drop: &["MKNOD"],
        run_as: "RunAsAny",
        fs_group: "RunAsAny",
        members: &["system:cluster-admins"],
        ..BASE
    },
    Constraint {
        name: "hostaccess",
        about: "Access to all host namespaces, with the UID and SELinux context of the namespace.",
        flags: "dinpoe",
        more_volumes: &["hostPath"],
        ..BASE
    },
    Constraint {
        name: "hostmount-anyuid",
        about: "Like restricted, but with host mounts and any UID; used by the volume recycler.",
        flags: "de",
        drop: &["MKNOD"],
        run_as: "RunAsAny",
        fs_group: "RunAsAny",
        users: &["system:serviceaccount:openshift-infra:pv-recycler-controller"],
        more_volumes: &["hostPath", "nfs"],
        ..BASE
    },
    Constraint {
        name: "hostmount-anyuid-v2",
        about: "Like hostmount-anyuid, with any SELinux label.",
        flags: "de",
        drop: &["MKNOD"],
        run_as: "RunAsAny",
        se_linux: "RunAsAny",
        fs_group: "RunAsAny",
        more_volumes: &["hostPath", "nfs"],
        ..BASE
    },
    Constraint {
        name: "hostnetwork",
        about: "Host networking and ports, with the UID and SELinux context of the namespace.",
        flags: "noe",
        groups: "MustRunAs",
        ..BASE
    },
    Constraint {
        name: "hostnetwork-v2",
        about: "Like hostnetwork, with all capabilities dropped and no privilege escalation.",
        flags: "no",
        groups: "MustRunAs",
        ..V2
    },
    Constraint {
        name: "nested-container",
        about: "For containers that run containers: a user namespace of the pod's own, in it any id, SETUID and SETGID.",
        flags: "e",
        drop: &[],
        add: &["SETUID", "SETGID"],
        groups: "MustRunAs",
        seccomp: "*",
        ids: Some((0, 65_534)),
        own_users: true,
        se_linux_type: "container_engine_t",
        ..BASE
    },
    Constraint {
        name: "nonroot",
        about: "Like restricted, but pods may run with any UID except root's.",
        flags: "e",
        run_as: "MustRunAsNonRoot",
        fs_group: "RunAsAny",
        ..BASE
    },
    Constraint {
        name: "nonroot-v2",
        about: "Like nonroot, with all capabilities dropped and no privilege escalation.",
        run_as: "MustRunAsNonRoot",
        fs_group: "RunAsAny",
        ..V2
    },
    Constraint {
        name: "privileged",
        about: "Everything: all host features, any user, group and SELinux context. Only for cluster administration.",
        flags: "dinpoeP",
        drop: &[],
        add: &["*"],
        run_as: "RunAsAny",
        se_linux: "RunAsAny",
        fs_group: "RunAsAny",
        seccomp: "*",
        users: &["system:admin", "system:serviceaccount:openshift-infra:build-controller"],
        members: &["system:cluster-admins", "system:nodes", "system:masters"],
        ..BASE
    },
    Constraint {
        name: "restricted",
        about: "No host features; the UID and SELinux context of the namespace.",
        flags: "e",
        ..BASE
    },
    Constraint {
        name: "restricted-v2",
        about: "Like restricted, with all capabilities dropped and no privilege escalation: what authenticated users get.",
        ..V2
    },
    Constraint {
        name: "restricted-v3",
        about: "Like restricted-v2, in a user namespace of the pod's own, with any user but root there.",
        groups: "MustRunAs",
        ids: Some((1_000, 65_534)),
        own_users: true,
        ..V2
    },
];

impl Constraint {
    fn object(&self) -> Value {
        let has = |flag: char| self.flags.contains(flag);
        let or_null = |list: &[&str]| if list.is_empty() { Value::Null } else { json!(list) };
        let mut volumes = [VOLUMES, self.more_volumes].concat();
        volumes.sort_unstable();
        let mut object = json!({
            "apiVersion": "security.openshift.io/v1",
            "kind": "SecurityContextConstraints",
            "metadata": {
                "name": self.name,
                "annotations": {"kubernetes.io/description": self.about},
            },
            "allowHostDirVolumePlugin": has('d'),
            "allowHostIPC": has('i'),
            "allowHostNetwork": has('n'),
            "allowHostPID": has('p'),
            "allowHostPorts": has('o'),
            "allowPrivilegeEscalation": has('e'),
            "allowPrivilegedContainer": has('P'),
            "allowedCapabilities": or_null(self.add),
            "defaultAddCapabilities": null,
            "fsGroup": {"type": self.fs_group},
            "groups": self.members,
            "priority": self.priority,
            "readOnlyRootFilesystem": false,
            "requiredDropCapabilities": or_null(self.drop),
            "runAsUser": {"type": self.run_as},
            "seLinuxContext": {"type": self.se_linux},
            "supplementalGroups": {"type": self.groups},
            "users": self.users,
            "volumes": if has('P') { vec!["*"] } else { volumes },
        });
        if let Some((first, last)) = self.ids {
            object.set_at("runAsUser.uidRangeMin", first);
            object.set_at("runAsUser.uidRangeMax", last);
            for groups in ["fsGroup.ranges", "supplementalGroups.ranges"] {
                object.set_at(groups, json!([{"min": first, "max": last}]));
            }
        }
        if !self.se_linux_type.is_empty() {
            object.set_at("seLinuxContext.seLinuxOptions.type", self.se_linux_type);
        }
        let level = if self.own_users { "RequirePodLevel" } else { "AllowHostLevel" };
        object.set_at("userNamespaceLevel", level);
        if !self.seccomp.is_empty() {
            object.set_at("seccompProfiles", json!([self.seccomp]));
        }
        if has('P') {
            object.set_at("allowedUnsafeSysctls", json!(["*"]));
        }
        object
    }
}

/// The constraints.
pub fn objects() -> impl Iterator<Item = Value> {
    ALL.iter().map(Constraint::object)
}

/// The ClusterRoles `system:openshift:scc:<name>`.
pub fn roles() -> Vec<Value> {
    let paragraph = |c: &Constraint| {
        format!(
            "system:openshift:scc:{0}\n    use security.openshift.io securitycontextconstraints named {0}\n",
            c.name
        )
    };
    policy::roles(&ALL.iter().map(paragraph).collect::<String>())
}
