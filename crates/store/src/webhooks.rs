//! Webhook endpoints, and one row for every event on its way to one of them.

mod attempts;
mod deliveries;
mod endpoints;
mod queue;
mod removals;

pub use attempts::{AttemptRecord, DeliveryOutcome, Streak};
pub(crate) use deliveries::DeliveredEvent;
pub use deliveries::{DeliveryState, NewDelivery, WebhookDelivery};
pub(crate) use endpoints::endpoints_from;
pub use queue::{DueDelivery, DueEvent};
pub(crate) use removals::Removal;

use crate::Scoped;
use crate::db::Value;

impl Scoped<'_> {
    /// What the indexes of deliveries are over.
    pub(crate) fn with_instance(&self, rest: &[&str]) -> Value {
        format!("{}{}", self.instance, rest.concat()).into()
    }
}
