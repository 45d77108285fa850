//! The rules of the contract, tested through the commands of the aggregates.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod access;
mod client;
mod credentials;
mod every_region;
mod guess;
mod jwt_template;
mod model;
mod random_sequences;
mod random_states;
mod refusals;
mod section_3;
mod section_4;
mod section_8;
mod session;
mod session_sequences;
mod settings;
mod signing_keys;
mod support;
mod ticket;
mod token;
mod webhook_endpoint;
