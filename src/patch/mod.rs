//! Patches: RFC 6902, RFC 7386, strategic merge, and server-side apply with field management.
