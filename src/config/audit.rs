//! The flags of the audit log.

use clap::{Args, ValueEnum, builder::BoolishValueParser};
use std::path::PathBuf;

/// Flags of the audit log, upstream's.
#[derive(Clone, Debug, Args, PartialEq)]
pub struct Audit {
    /// File to which requests are logged that --audit-policy-file names; `-` is standard output
    #[arg(long, env = "POCKETSHIFT_AUDIT_LOG_PATH", value_name = "FILE|-")]
    pub audit_log_path: Option<String>,

    /// Policy (audit.k8s.io/v1) that says which requests are logged, and how much of them
    #[arg(long, env = "POCKETSHIFT_AUDIT_POLICY_FILE", value_name = "FILE")]
    pub audit_policy_file: Option<PathBuf>,

    /// Days for which old audit logs are kept; 0 means for ever
    #[arg(long, default_value_t = 366, value_name = "DAYS")]
    pub audit_log_maxage: u32,

    /// Most old audit logs; 0 means no limit
    #[arg(long, default_value_t = 100, value_name = "N")]
    pub audit_log_maxbackup: u32,

    /// Megabytes at which the audit log is put aside and a new one begun; 0 means never
    #[arg(long, default_value_t = 100, value_name = "MEGABYTES")]
    pub audit_log_maxsize: u32,

    /// Form of the audit log's lines
    #[arg(long, value_enum, default_value_t = AuditFormat::Json)]
    pub audit_log_format: AuditFormat,

    /// Compress old audit logs
    #[arg(long, value_parser = BoolishValueParser::new())]
    pub audit_log_compress: bool,
}

impl Default for Audit {
    fn default() -> Audit {
        Audit {
            audit_log_path: None,
            audit_policy_file: None,
            audit_log_maxage: 366,
            audit_log_maxbackup: 100,
            audit_log_maxsize: 100,
            audit_log_format: AuditFormat::Json,
            audit_log_compress: false,
        }
    }
}

/// Form of the audit log.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
#[allow(missing_docs)]
pub enum AuditFormat {
    Json,
    Legacy,
}
