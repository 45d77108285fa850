//! Sends and attempts codes (contract section 8).

mod attempt;
mod found;
mod message;
mod prepare;
mod sending;
mod shown;

pub(crate) use message::Letter;
