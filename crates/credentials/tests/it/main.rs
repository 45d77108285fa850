//! Digests of other systems: each vector, what is refused, and our own.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod hostile;
mod own;
mod properties;
mod vectors;
