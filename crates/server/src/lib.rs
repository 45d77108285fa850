//! The Verger server: HTTP over `store` and `core`. A library first, so that tests and other programs can run it in
//! their own process.

mod answer;
mod app;
pub mod cli;
mod config;
mod context;
mod error;
mod extract;
pub mod metrics;
pub mod operations;
mod ops;
mod render;
pub mod router;
mod routes;
pub mod serve;

pub use app::{App, Clock, Limits, ManualClock, SystemClock, system_rng};
pub use context::API_VERSIONS;
