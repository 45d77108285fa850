//! Clerk's Backend API, under `/v1`, for whoever holds the secret key of an instance.

mod email_addresses;
mod identifications;
mod phone_numbers;
mod users;

use crate::operation::Operation;

/// Its operations.
pub(crate) const OPERATIONS: &[&[Operation]] =
    &[phone_numbers::OPERATIONS, email_addresses::OPERATIONS, users::OPERATIONS];
