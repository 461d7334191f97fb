//! Image streams as data: what pull specs mean, how tags move and what a tag resolves to.
//!
//! Pure functions over JSON objects. Nothing here knows requests, callers or rows; whatever a
//! function needs from outside (another stream, a right) is handed to it.
//! Source: openshift-apiserver `pkg/image`, library-go `pkg/image`.

pub mod reference;
pub mod resolve;
