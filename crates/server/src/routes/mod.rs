//! HTTP in, HTTP out: handlers that parse, call an operation and render.

pub mod backend;
pub mod call;
pub mod own;
pub mod reference;
