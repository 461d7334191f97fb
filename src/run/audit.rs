//! The audit log that the flags ask for.

use crate::{
    audit::{Bounds, Format, Log, Policy},
    config::{Audit, AuditFormat},
    world::World,
};
use std::{fs, sync::Arc};

/// Largest policy file that is read.
const LARGEST: u64 = 1 << 20;

/// Opens the log, if there is to be one: with a policy and a place to write to.
///
/// # Errors
/// One line for people.
pub fn log(flags: &Audit, world: &World) -> Result<Option<Arc<Log>>, String> {
    let policy = match &flags.audit_policy_file {
        None => None,
        Some(path) => {
            let failed =
                |why: String| format!("--audit-policy-file: {why}: from file {}", path.display());
            let length = fs::metadata(path).map_err(|e| failed(e.to_string()))?.len();
            if length > LARGEST {
                return Err(failed("the file is too large".into()));
            }
            let text = fs::read_to_string(path).map_err(|e| failed(e.to_string()))?;
            Some(Policy::read(&text).map_err(failed)?)
        }
    };
    let (Some(path), Some(policy)) = (&flags.audit_log_path, policy) else {
        if flags.audit_log_path.is_some() {
            tracing::warn!("without --audit-policy-file nothing is written to the audit log");
        }
        return Ok(None);
    };
    let format = match flags.audit_log_format {
        AuditFormat::Json => Format::Json,
        AuditFormat::Legacy => Format::Legacy,
    };
    let bounds = Bounds {
        age: flags.audit_log_maxage,
        backups: flags.audit_log_maxbackup,
        size: flags.audit_log_maxsize,
        compress: flags.audit_log_compress,
    };
    let log = Log::open(policy, path, format, bounds, world.clone());
    log.map(Some).map_err(|e| format!("--audit-log-path: {e}"))
}
