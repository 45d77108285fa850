//! The client.

use crate::operation::Method;
use crate::operations;
use crate::request::{Async, Request};
use crate::resources::{
    AuditLog, Clock, Deliveries, EmailAddresses, Events, Instances, Messages, PhoneNumbers, Users,
    WebhookEndpoints,
};
use crate::send::Inner;
use serde_json::Value;
use std::fmt;
use std::sync::Arc;

/// A client of the Backend API. Cheap to clone; clones share their connections.
///
/// It needs a tokio runtime with its I/O and time drivers when a request is sent, not before. Connections live on the
/// runtime that opened them: make one client for each runtime. Programs without a runtime take `blocking::Client`.
///
/// ```no_run
/// # use verger_client::{Client, UpdatePhoneNumberParams};
/// # async fn example() -> Result<(), verger_client::Error> {
/// let client = Client::new("sk_test_…")?;
/// let params = UpdatePhoneNumberParams::new().verified(false);
/// let number = client.phone_numbers().update_phone_number("idn_…", params).await?;
/// assert!(!number.is_verified());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    pub(crate) inner: Arc<Inner>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("base_url", &self.inner.base_url).finish_non_exhaustive()
    }
}

impl Client {
    /// Phone numbers.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// assert_eq!(client.phone_numbers().get_phone_number("idn_1").path(), "/v1/phone_numbers/idn_1");
    /// ```
    pub fn phone_numbers(&self) -> PhoneNumbers {
        PhoneNumbers::new(Arc::clone(&self.inner), Async::new())
    }

    /// Email addresses.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// assert_eq!(client.email_addresses().get_email_address("idn_1").path(), "/v1/email_addresses/idn_1");
    /// ```
    pub fn email_addresses(&self) -> EmailAddresses {
        EmailAddresses::new(Arc::clone(&self.inner), Async::new())
    }

    /// Users.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// assert_eq!(client.users().get_user("user_1").path(), "/v1/users/user_1");
    /// ```
    pub fn users(&self) -> Users {
        Users::new(Arc::clone(&self.inner), Async::new())
    }

    /// What became of messages to people. Verger only.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// assert_eq!(client.deliveries().get_delivery("sms_1").path(), "/verger/v1/deliveries/sms_1");
    /// ```
    pub fn deliveries(&self) -> Deliveries {
        Deliveries::new(Arc::clone(&self.inner), Async::new())
    }

    /// Endpoints that receive events. Verger only.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// assert_eq!(client.webhook_endpoints().list_webhook_endpoints().path(), "/verger/v1/webhook_endpoints");
    /// ```
    pub fn webhook_endpoints(&self) -> WebhookEndpoints {
        WebhookEndpoints::new(Arc::clone(&self.inner), Async::new())
    }

    /// Events as they happen. Verger only.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// assert_eq!(client.events().follow_events(None).path(), "/verger/v1/events");
    /// ```
    pub fn events(&self) -> Events {
        Events::new(Arc::clone(&self.inner), Async::new())
    }

    /// The audit trail. Verger only.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// assert_eq!(client.audit_log().list_audit_log(Default::default()).path(), "/verger/v1/audit_log");
    /// ```
    pub fn audit_log(&self) -> AuditLog {
        AuditLog::new(Arc::clone(&self.inner), Async::new())
    }

    /// Messages as people would get them, for tests. Development instances of Verger only.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// assert_eq!(client.messages().list_messages(Default::default()).path(), "/verger/v1/messages");
    /// ```
    pub fn messages(&self) -> Messages {
        Messages::new(Arc::clone(&self.inner), Async::new())
    }

    /// The time of a development instance. Verger only.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// assert_eq!(client.clock().advance_clock(Default::default()).path(), "/verger/v1/clock");
    /// ```
    pub fn clock(&self) -> Clock {
        Clock::new(Arc::clone(&self.inner), Async::new())
    }

    /// The instance that the secret key belongs to. Development instances of Verger only.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// assert_eq!(client.instances().reset().path(), "/verger/v1/reset");
    /// ```
    pub fn instances(&self) -> Instances {
        Instances::new(Arc::clone(&self.inner), Async::new())
    }

    /// An operation by its documented name, with as many ids as its path has places; `None` if there is none such. For the
    /// Node package, which sends whatever body and query it is given.
    #[doc(hidden)]
    pub fn operation(&self, id: &str, path_ids: &[&str]) -> Option<Request<Value>> {
        let operation = operations::ALL.iter().find(|operation| operation.id == id)?;
        let has_these = operation.route.matches('{').count() == path_ids.len();
        has_these.then(|| Request::new(Arc::clone(&self.inner), Async::new(), operation, path_ids))
    }

    /// Any operation that has no method here. `path` begins with `/`, for example `/v1/organizations`, and is
    /// percent-encoded already where it must be; a query goes into [`query`](Request::query).
    ///
    /// ```
    /// # use verger_client::{Method, testing::{Answer, MockTransport}};
    /// # use serde_json::json;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), verger_client::Error> {
    /// # let mock = MockTransport::new();
    /// # mock.push(Answer::json(200, json!({"id": "org_1"})));
    /// # let client = mock.client();
    /// let organization =
    ///     client.request(Method::Post, "/v1/organizations").json(&json!({"name": "Kew"})).await?;
    /// assert_eq!(organization["id"], "org_1");
    /// # Ok(())
    /// # }
    /// ```
    pub fn request(&self, method: Method, path: &str) -> Request<Value> {
        Request::raw(Arc::clone(&self.inner), Async::new(), method, path)
    }
}
