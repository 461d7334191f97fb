//! The OAuth server.
