//! What became of messages.

use crate::model::Delivery;
use crate::operations::{GET_DELIVERY, LIST_DELIVERIES};
use crate::params::ListDeliveriesParams;
use crate::request::Request;

resource! {
    /// What became of messages to people; from [`Client::deliveries`](crate::Client::deliveries). Verger only: other
    /// services answer 404.
    Deliveries
}

impl<R: Clone> Deliveries<R> {
    /// The newest messages, and what became of them; never what they say: `GET /verger/v1/deliveries`.
    ///
    /// # Errors
    /// 422 for a limit that makes no sense.
    ///
    /// ```
    /// # use verger_client::ListDeliveriesParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = ListDeliveriesParams::new().identification_id("idn_1");
    /// assert_eq!(client.deliveries().list_deliveries(params).query_string(), "identification_id=idn_1");
    /// ```
    #[doc(alias("get_deliveries", "delivery_status"))]
    pub fn list_deliveries(&self, params: ListDeliveriesParams) -> Request<Vec<Delivery>, R> {
        self.request(&LIST_DELIVERIES, &[]).params(&params)
    }

    /// What became of one message: `GET /verger/v1/deliveries/{delivery_id}`.
    ///
    /// # Errors
    /// 404 if there is no such message, or if it is so old that it was forgotten.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// assert_eq!(client.deliveries().get_delivery("sms_1").path(), "/verger/v1/deliveries/sms_1");
    /// ```
    pub fn get_delivery(&self, delivery_id: &str) -> Request<Delivery, R> {
        self.request(&GET_DELIVERY, &[delivery_id])
    }
}
