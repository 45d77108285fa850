//! The client against a real server in this process, against a server that misbehaves, and against a mock.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod authentication;
mod axum_middleware;
mod blocking;
mod building;
mod calls;
mod connections;
mod corpus;
mod decisions;
mod decoding;
mod examples;
mod faults;
mod feed;
mod front_page;
mod in_process;
mod operations;
mod own;
mod paging;
mod secrets;
mod sign_in;
mod support;
