//! Tokens, right and wrong, through the public API.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod algorithms;
mod claims;
mod forged;
mod keys;
mod support;
mod times;
