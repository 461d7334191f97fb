//! stub
#![allow(missing_docs)]
pub fn v3_index() -> Vec<u8> { Vec::new() }
pub fn v3(_: &str) -> Option<Vec<u8>> { None }
pub fn v2() -> Vec<u8> { Vec::new() }
