//! Sign-in by token and certificate.
