//! pocketshift: a mini OpenShift in one binary.
#![warn(missing_docs)]

pub mod access;
pub mod api;
pub mod config;
pub mod controllers;
pub mod error;
pub mod http;
pub mod kinds;
pub mod object;
pub mod patch;
pub mod run;
pub mod schema;
pub mod settings;
pub mod sim;
pub mod store;
pub mod trace;
pub mod world;
