//! The integration tests: one binary, so that everything is linked once. Every test starts a
//! cluster of its own and talks to it over the wire; none depends on another or on the time of day.

mod budgets;
mod builds;
mod cli;
mod clients;
mod corners;
mod crash;
mod custom;
mod deploymentconfigs;
mod envtest;
mod fuzz;
mod house;
mod imageconfig;
mod images;
mod imports;
mod metrics;
mod nodeimages;
mod oc;
mod policies;
mod protobuf;
mod refusals;
mod registry;
mod rollout;
mod routes;
mod rules;
mod shell;
mod streams;
mod support;
mod templates;
mod time;
mod triggers;
mod uploads;
mod verbs;
mod views;
mod watch;
mod webhooks;
