//! The log: where it goes and in which form. It goes to standard error, so that what a person
//! should read at start stands alone on standard output.

use crate::config::{LogFormat, Serve};
use tracing_subscriber::{EnvFilter, fmt};

/// Starts logging.
///
/// # Errors
/// A text for people when the filter cannot be understood.
pub fn init(flags: &Serve) -> Result<(), String> {
    let filter = EnvFilter::try_new(filter(&flags.log_level))
        .map_err(|e| format!("--log-level {:?}: {e}", flags.log_level))?;
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let done = match flags.log_format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    done.map_err(|e| e.to_string())
}

/// The filter asked for. What strangers send is not this server's error: unless somebody looks closer,
/// the framework's lines about malformed requests are left out.
fn filter(asked: &str) -> String {
    let closer = ["actix", "debug", "trace"].iter().any(|word| asked.contains(word));
    if closer { asked.to_owned() } else { format!("{asked},actix_http=off,h2=off,rustls=off") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_strangers_send_is_no_error_of_ours() {
        for asked in ["warn", "info,pocketshift::api=info", "error"] {
            let filter = filter(asked);
            assert!(filter.starts_with(asked) && EnvFilter::try_new(filter).is_ok());
        }
        for asked in ["debug", "actix_http=warn", "pocketshift=trace"] {
            assert_eq!(filter(asked), asked);
        }
    }
}
