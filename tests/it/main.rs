//! The integration tests: one binary, so that everything is linked once. Every test starts a
//! cluster of its own and talks to it over the wire; none depends on another or on the time of day.

mod budgets;
mod cli;
mod clients;
mod crash;
mod custom;
mod deploymentconfigs;
mod envtest;
mod fuzz;
mod house;
mod imageconfig;
mod images;
mod imports;
mod nodeimages;
mod oc;
mod policies;
mod refusals;
mod registry;
mod rollout;
mod routes;
mod rules;
mod shell;
mod streams;
mod support;
mod templates;
mod triggers;
mod uploads;
mod verbs;
mod views;
mod watch;
mod webhooks;
