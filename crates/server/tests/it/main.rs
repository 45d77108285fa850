//! The server from outside: requests in, answers out, in one process and without a network.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod access;
mod bad_input;
mod concurrency;
mod openapi_agreement;
mod openapi_routes;
mod section_3;
mod standard_headers;
mod support;
