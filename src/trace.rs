//! The log: where it goes and in which form. It goes to standard error, so that what a person
//! should read at start stands alone on standard output.

use crate::config::{LogFormat, Serve};
use tracing_subscriber::{EnvFilter, fmt};

/// Starts logging.
///
/// # Errors
/// A text for people when the filter cannot be understood.
pub fn init(flags: &Serve) -> Result<(), String> {
    let filter = EnvFilter::try_new(&flags.log_level)
        .map_err(|e| format!("--log-level {:?}: {e}", flags.log_level))?;
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let done = match flags.log_format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    done.map_err(|e| e.to_string())
}
