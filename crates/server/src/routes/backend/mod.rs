//! The documented Backend API under `/v1`.

pub(crate) mod email_addresses;
mod identifications;
pub(crate) mod phone_numbers;
pub(crate) mod users;
