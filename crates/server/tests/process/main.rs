//! The real binary, started as an operator starts it.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod administration;
mod clients;
mod code_keys;
mod codes;
mod connections;
mod dev;
mod faults;
mod instances;
mod migrating;
mod modes;
mod moving;
mod secrets;
mod serve;
mod settings;
mod support;
mod trail;
mod webhooks;
