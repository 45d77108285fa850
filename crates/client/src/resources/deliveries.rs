//! The methods of `Client::deliveries`.
//!
//! Written by `cargo xtask generate` from the declared operations; do not edit.

use crate::model::Delivery;
use crate::operations::{VERGER_GET_DELIVERY, VERGER_LIST_DELIVERIES};
use crate::params::ListDeliveriesParams;
use crate::request::Request;

resource! {
    /// Delivery status of the text messages and emails that carry codes, never their content; from
    /// [`Client::deliveries`](crate::Client::deliveries). Verger only: other services answer 404.
    Deliveries
}

impl<R: Clone> Deliveries<R> {
    /// List message deliveries: `GET /verger/v1/deliveries`. Verger only.
    ///
    /// The newest first.
    ///
    /// # Errors
    /// None of its own.
    ///
    /// ```
    /// # use verger_client::ListDeliveriesParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = ListDeliveriesParams::new().limit(50);
    /// let request = client.deliveries().list_deliveries(params);
    /// assert_eq!((request.method().as_str(), request.path()), ("GET", "/verger/v1/deliveries"));
    /// assert_eq!(request.query_string(), "limit=50");
    /// ```
    #[doc(alias("get_deliveries", "delivery_status"))]
    pub fn list_deliveries(&self, params: ListDeliveriesParams) -> Request<Vec<Delivery>, R> {
        self.request(&VERGER_LIST_DELIVERIES, &[]).params(&params)
    }

    /// Get a message delivery: `GET /verger/v1/deliveries/{delivery_id}`. Verger only.
    ///
    /// The delivery status of one message.
    ///
    /// # Errors
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): This instance has no object with this
    ///   id.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let request = client.deliveries().get_delivery("sms_1");
    /// assert_eq!((request.method().as_str(), request.path()), ("GET", "/verger/v1/deliveries/sms_1"));
    /// ```
    pub fn get_delivery(&self, delivery_id: &str) -> Request<Delivery, R> {
        self.request(&VERGER_GET_DELIVERY, &[delivery_id])
    }
}
