//! Which messages to people are listed.

use serde::Serialize;
use verger_wire::setters;

/// Which deliveries, and how many.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ListDeliveriesParams {
    /// Only messages to this phone number or email address.
    pub identification_id: Option<String>,
    /// Deliveries in the answer: 1 to 500. The service's default is 100.
    pub limit: Option<u32>,
}

setters! { ListDeliveriesParams, new() {
    text identification_id;
    value limit: u32;
} }
