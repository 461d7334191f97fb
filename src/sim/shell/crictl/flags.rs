//! The flags of every verb. Long names without a short one of their own stand for capitals.
//! Source: the command definitions under `cmd/crictl`.

use super::super::options::Known;

const fn known(letters: &'static str, long: &'static [(&'static str, char)]) -> Known {
    Known { letters, long, strict: false }
}

const IMAGES: Known = known(
    "qvo:f:ETP",
    &[
        ("quiet", 'q'),
        ("verbose", 'v'),
        ("output", 'o'),
        ("filter", 'f'),
        ("digests", 'E'),
        ("no-trunc", 'T'),
        ("pinned", 'P'),
    ],
);
const SHOWN: Known = known(
    "qo:f:N:X:",
    &[("quiet", 'q'), ("output", 'o'), ("filter", 'f'), ("name", 'N'), ("template", 'X')],
);
const REMOVED: Known = known("aq", &[("all", 'a'), ("prune", 'q')]);
const PULLED: Known = known(
    "u:a:C:H:t:",
    &[("username", 'u'), ("annotation", 'a'), ("creds", 'C'), ("auth", 'H'), ("pull-timeout", 't')],
);
const LISTED: Known = known(
    "qvo:als:n:p:rI:N:S:L:M:T",
    &[
        ("quiet", 'q'),
        ("verbose", 'v'),
        ("output", 'o'),
        ("all", 'a'),
        ("latest", 'l'),
        ("state", 's'),
        ("last", 'n'),
        ("pod", 'p'),
        ("resolve-image-path", 'r'),
        ("id", 'I'),
        ("name", 'N'),
        ("namespace", 'S'),
        ("label", 'L'),
        ("image", 'M'),
        ("no-trunc", 'T'),
    ],
);
const STATS: Known = known(
    "ao:p:s:wI:L:",
    &[
        ("all", 'a'),
        ("output", 'o'),
        ("pod", 'p'),
        ("seconds", 's'),
        ("watch", 'w'),
        ("id", 'I'),
        ("label", 'L'),
    ],
);
const LOGS: Known = known(
    "ptfL:S:T:r",
    &[
        ("previous", 'p'),
        ("timestamps", 't'),
        ("follow", 'f'),
        ("limit-bytes", 'L'),
        ("since", 'S'),
        ("tail", 'T'),
        ("reverse", 'r'),
    ],
);
const EXEC: Known = Known {
    letters: "itsT:e",
    long: &[
        ("interactive", 'i'),
        ("tty", 't'),
        ("sync", 's'),
        ("timeout", 'T'),
        ("ignore-errors", 'e'),
    ],
    strict: true,
};
const NONE: Known = known("", &[]);

/// The flags of a verb.
pub fn of(verb: &str) -> &'static Known {
    match verb {
        "images" | "image" | "img" => &IMAGES,
        "imagefsinfo" | "inspecti" | "inspect" | "inspectp" | "info" => &SHOWN,
        "pull" => &PULLED,
        "rmi" => &REMOVED,
        "ps" | "pods" => &LISTED,
        "stats" => &STATS,
        "logs" => &LOGS,
        "exec" => &EXEC,
        _ => &NONE,
    }
}
