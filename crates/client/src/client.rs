//! The client.

use crate::operation::Method;
use crate::operations;
use crate::request::{Async, Request};
use crate::resources::{
    ActorTokens, AllowlistIdentifiers, AuditLog, BlocklistIdentifiers, Clients, Clock, Deliveries, Domains,
    EmailAddresses, Events, Instances, Invitations, Jwks, JwtTemplates, Messages, PhoneNumbers, RedirectUrls,
    Sessions, Settings, SignInTokens, SigningKeys, TestingTokens, Users, WebhookEndpoints,
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

    /// Sessions of users, and their tokens.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// assert_eq!(client.sessions().get_session("sess_1").path(), "/v1/sessions/sess_1");
    /// ```
    pub fn sessions(&self) -> Sessions {
        Sessions::new(Arc::clone(&self.inner), Async::new())
    }

    /// Browsers and devices, with the sessions on each.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// assert_eq!(client.clients().get_client("client_1").path(), "/v1/clients/client_1");
    /// ```
    pub fn clients(&self) -> Clients {
        Clients::new(Arc::clone(&self.inner), Async::new())
    }

    /// JWT templates.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// assert_eq!(client.jwt_templates().get_jwt_template("jtmp_1").path(), "/v1/jwt_templates/jtmp_1");
    /// ```
    pub fn jwt_templates(&self) -> JwtTemplates {
        JwtTemplates::new(Arc::clone(&self.inner), Async::new())
    }

    /// Tickets that sign a user in once.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// assert_eq!(client.sign_in_tokens().revoke_sign_in_token("sit_1").path(), "/v1/sign_in_tokens/sit_1/revoke");
    /// ```
    pub fn sign_in_tokens(&self) -> SignInTokens {
        SignInTokens::new(Arc::clone(&self.inner), Async::new())
    }

    /// Tickets with which somebody acts as a user.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// assert_eq!(client.actor_tokens().revoke_actor_token("act_1").path(), "/v1/actor_tokens/act_1/revoke");
    /// ```
    pub fn actor_tokens(&self) -> ActorTokens {
        ActorTokens::new(Arc::clone(&self.inner), Async::new())
    }

    /// Invitations to sign up.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// assert_eq!(client.invitations().revoke_invitation("inv_1").path(), "/v1/invitations/inv_1/revoke");
    /// ```
    pub fn invitations(&self) -> Invitations {
        Invitations::new(Arc::clone(&self.inner), Async::new())
    }

    /// Identifiers that may sign up.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let request = client.allowlist_identifiers().list_allowlist_identifiers(Default::default());
    /// assert_eq!(request.path(), "/v1/allowlist_identifiers");
    /// ```
    pub fn allowlist_identifiers(&self) -> AllowlistIdentifiers {
        AllowlistIdentifiers::new(Arc::clone(&self.inner), Async::new())
    }

    /// Identifiers that may not sign up.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let request = client.blocklist_identifiers().list_blocklist_identifiers(Default::default());
    /// assert_eq!(request.path(), "/v1/blocklist_identifiers");
    /// ```
    pub fn blocklist_identifiers(&self) -> BlocklistIdentifiers {
        BlocklistIdentifiers::new(Arc::clone(&self.inner), Async::new())
    }

    /// URLs that native applications may be sent back to.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// assert_eq!(client.redirect_urls().get_redirect_url("ru_1").path(), "/v1/redirect_urls/ru_1");
    /// ```
    pub fn redirect_urls(&self) -> RedirectUrls {
        RedirectUrls::new(Arc::clone(&self.inner), Async::new())
    }

    /// The frontend hosts of the instance.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// assert_eq!(client.domains().list_domains().path(), "/v1/domains");
    /// ```
    pub fn domains(&self) -> Domains {
        Domains::new(Arc::clone(&self.inner), Async::new())
    }

    /// The public keys whose tokens are accepted.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// assert_eq!(client.jwks().get_jwks().path(), "/v1/jwks");
    /// ```
    pub fn jwks(&self) -> Jwks {
        Jwks::new(Arc::clone(&self.inner), Async::new())
    }

    /// Tokens for end-to-end tests.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// assert_eq!(client.testing_tokens().create_testing_token().path(), "/v1/testing_tokens");
    /// ```
    pub fn testing_tokens(&self) -> TestingTokens {
        TestingTokens::new(Arc::clone(&self.inner), Async::new())
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

    /// What the instance is set to, as one document. Verger only.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// assert_eq!(client.settings().get_settings().path(), "/verger/v1/settings");
    /// ```
    pub fn settings(&self) -> Settings {
        Settings::new(Arc::clone(&self.inner), Async::new())
    }

    /// The keys that sign the instance's tokens. Verger only.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// assert_eq!(client.signing_keys().list_signing_keys().path(), "/verger/v1/signing_keys");
    /// ```
    pub fn signing_keys(&self) -> SigningKeys {
        SigningKeys::new(Arc::clone(&self.inner), Async::new())
    }

    /// The instance that the secret key belongs to.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// assert_eq!(client.instances().get_instance().path(), "/v1/instance");
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
