//! The server from outside: requests in, answers out, in one process and without a network.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod access;
mod bad_input;
pub(crate) mod codes;
mod concurrency;
mod connections;
mod credentials;
mod every_region;
mod feed;
mod frontend;
mod instances;
mod lists;
mod logged;
mod openapi_agreement;
mod openapi_own;
mod openapi_routes;
mod other_clients;
mod pages;
mod refusals;
mod section_3;
mod security_tests;
mod senders;
mod sessions;
mod standard_headers;
mod support;
mod webhooks;
