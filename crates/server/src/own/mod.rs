//! Verger's own API, under `/verger/v1`.

pub(crate) mod callbacks;
mod development;
pub(crate) mod events;
mod message_deliveries;
mod phone_number_details;
pub(crate) mod settings;
pub(crate) mod webhook_endpoints;

use crate::operation::Operation;

/// Its operations.
pub(crate) const OPERATIONS: &[&[Operation]] = &[
    phone_number_details::OPERATIONS,
    message_deliveries::OPERATIONS,
    webhook_endpoints::OPERATIONS,
    events::OPERATIONS,
    settings::OPERATIONS,
    development::OPERATIONS,
];
