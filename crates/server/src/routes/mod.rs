//! HTTP in, HTTP out: handlers that parse, call an operation and render.

pub(crate) mod backend;
pub(crate) mod call;
pub(crate) mod development;
pub(crate) mod events;
pub(crate) mod own;
pub(crate) mod reference;
pub(crate) mod webhooks;
