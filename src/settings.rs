//! What kind of cluster is simulated: plain data, read once at start and handed to controllers.

/// Settings of the simulated cluster.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Certificate of the authority that signed the API server's own, in PEM.
    pub ca_pem: String,
}
