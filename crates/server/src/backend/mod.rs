//! Clerk's Backend API, under `/v1`, for whoever holds the secret key of an instance.

mod access_lists;
mod clients;
mod email_addresses;
mod identifications;
mod instance;
mod invitations;
pub(crate) mod jwks;
mod jwt_templates;
mod lists;
mod phone_numbers;
mod records;
mod sessions;
mod tickets;
mod user_credentials;
mod users;

use crate::operation::Operation;

/// Its operations.
pub(crate) const OPERATIONS: &[&[Operation]] = &[
    phone_numbers::OPERATIONS,
    email_addresses::OPERATIONS,
    users::OPERATIONS,
    user_credentials::OPERATIONS,
    jwks::OPERATIONS,
    invitations::OPERATIONS,
    access_lists::OPERATIONS,
    instance::OPERATIONS,
    sessions::OPERATIONS,
    clients::OPERATIONS,
    jwt_templates::OPERATIONS,
    tickets::OPERATIONS,
];
