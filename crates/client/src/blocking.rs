//! The same calls for programs without an async runtime: `.send()` in place of `.await`.
//!
//! ```
//! use verger_client::testing::{Answer, MockTransport};
//! # fn main() -> Result<(), verger_client::Error> {
//! # let mock = MockTransport::new();
//! # mock.push(Answer::json(200, serde_json::json!({"total_count": 2})));
//! let client = mock.builder().build_blocking()?;
//! assert_eq!(client.users().get_count(Default::default()).send()?.total_count, 2);
//! # Ok(())
//! # }
//! ```
//!
//! A client has one thread of its own, which ends with its last clone. Calls may come from any thread, also from one
//! that runs an async runtime; there they block it.

use crate::builder::ClientBuilder;
use crate::error::{Error, Kind};
use crate::feed::EventStream;
use crate::lists::{Listed, Walk};
use crate::model::{
    AllowlistIdentifier, BlocklistIdentifier, Event, Invitation, JwtTemplate, RedirectUrl, User, UserClient,
    UserSession,
};
use crate::operation::Method;
use crate::paging::Pages;
use crate::params::{GetSessionListParams, GetUserListParams, ListInvitationsParams, PageParams};
use crate::request::{Request, Sending};
use crate::resources::{
    ActorTokens, AllowlistIdentifiers, AuditLog, BlocklistIdentifiers, Clients, Clock, Deliveries, Domains,
    EmailAddresses, Events, Instances, Invitations, Jwks, JwtTemplates, Messages, PhoneNumbers, RedirectUrls,
    Sessions, Settings, SignInTokens, SigningKeys, TestingTokens, Users, WebhookEndpoints,
};
use crate::response::Response;
use crate::send::Inner;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, mpsc};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// A client of the Backend API whose calls block. Cheap to clone; clones share their connections and their thread.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
    run: Blocking,
}

/// How requests of a blocking [`Client`] are sent: with `.send()`.
#[derive(Clone)]
pub struct Blocking(Arc<Worker>);

/// A thread with a runtime on it, until this is dropped.
struct Worker {
    runtime: Handle,
    /// Its end ends the thread.
    _alive: oneshot::Sender<()>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("blocking::Client").field("base_url", &self.inner.base_url).finish_non_exhaustive()
    }
}

impl fmt::Debug for Blocking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Blocking")
    }
}

impl Worker {
    fn start() -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (alive, ended) = oneshot::channel::<()>();
        std::thread::Builder::new().name("verger-client".to_owned()).spawn(move || {
            // The sender is only ever dropped.
            let _ = runtime.block_on(ended);
        })?;
        Ok(Self { runtime: handle, _alive: alive })
    }
}

impl Blocking {
    fn wait<T: Send + 'static>(&self, sending: Sending<T>) -> Result<T, Error> {
        let (give, take) = mpsc::sync_channel(1);
        self.0.runtime.spawn(async move {
            // Nobody waits any more if the caller's thread is gone.
            let _ = give.send(sending.await);
        });
        take.recv().unwrap_or_else(|gone| Err(Error::caused_by(Kind::Interrupted, gone)))
    }
}

impl ClientBuilder {
    /// The client for programs without an async runtime.
    ///
    /// # Errors
    /// As [`build`](Self::build); also if the system gives no thread.
    pub fn build_blocking(self) -> Result<Client, Error> {
        Client::of(self.build_inner()?)
    }
}

impl Client {
    pub(crate) fn of(inner: Inner) -> Result<Self, Error> {
        let worker = Worker::start().map_err(|cause| {
            Error::caused_by(Kind::Refused("the system gives no thread for the client".to_owned()), cause)
        })?;
        Ok(Self { inner: Arc::new(inner), run: Blocking(Arc::new(worker)) })
    }

    /// A client of the hosted service, with all defaults. Others: [`ClientBuilder::build_blocking`].
    ///
    /// # Errors
    /// As [`ClientBuilder::build_blocking`].
    ///
    /// ```no_run
    /// # use verger_client::blocking::Client;
    /// let client = Client::new("sk_test_…")?;
    /// # Ok::<(), verger_client::Error>(())
    /// ```
    pub fn new(secret_key: impl Into<String>) -> Result<Self, Error> {
        ClientBuilder::default().secret_key(secret_key).build_blocking()
    }

    /// A client with the secret key and the base URL of the environment; which variables those are says
    /// [`ClientBuilder::from_env`].
    ///
    /// # Errors
    /// As [`ClientBuilder::from_env`] and [`ClientBuilder::build_blocking`].
    pub fn from_env() -> Result<Self, Error> {
        ClientBuilder::from_env()?.build_blocking()
    }

    /// Phone numbers; as [`Client::phone_numbers`](crate::Client::phone_numbers), with `.send()`.
    pub fn phone_numbers(&self) -> PhoneNumbers<Blocking> {
        PhoneNumbers::new(Arc::clone(&self.inner), self.run.clone())
    }

    /// Email addresses; as [`Client::email_addresses`](crate::Client::email_addresses).
    pub fn email_addresses(&self) -> EmailAddresses<Blocking> {
        EmailAddresses::new(Arc::clone(&self.inner), self.run.clone())
    }

    /// Users; as [`Client::users`](crate::Client::users).
    pub fn users(&self) -> Users<Blocking> {
        Users::new(Arc::clone(&self.inner), self.run.clone())
    }

    /// Sessions of users, and their tokens.
    pub fn sessions(&self) -> Sessions<Blocking> {
        Sessions::new(Arc::clone(&self.inner), self.run.clone())
    }

    /// Browsers and devices, with the sessions on each.
    pub fn clients(&self) -> Clients<Blocking> {
        Clients::new(Arc::clone(&self.inner), self.run.clone())
    }

    /// JWT templates.
    pub fn jwt_templates(&self) -> JwtTemplates<Blocking> {
        JwtTemplates::new(Arc::clone(&self.inner), self.run.clone())
    }

    /// Tickets that sign a user in once.
    pub fn sign_in_tokens(&self) -> SignInTokens<Blocking> {
        SignInTokens::new(Arc::clone(&self.inner), self.run.clone())
    }

    /// Tickets with which somebody acts as a user.
    pub fn actor_tokens(&self) -> ActorTokens<Blocking> {
        ActorTokens::new(Arc::clone(&self.inner), self.run.clone())
    }

    /// Invitations to sign up.
    pub fn invitations(&self) -> Invitations<Blocking> {
        Invitations::new(Arc::clone(&self.inner), self.run.clone())
    }

    /// Identifiers that may sign up.
    pub fn allowlist_identifiers(&self) -> AllowlistIdentifiers<Blocking> {
        AllowlistIdentifiers::new(Arc::clone(&self.inner), self.run.clone())
    }

    /// Identifiers that may not sign up.
    pub fn blocklist_identifiers(&self) -> BlocklistIdentifiers<Blocking> {
        BlocklistIdentifiers::new(Arc::clone(&self.inner), self.run.clone())
    }

    /// URLs that native applications may be sent back to.
    pub fn redirect_urls(&self) -> RedirectUrls<Blocking> {
        RedirectUrls::new(Arc::clone(&self.inner), self.run.clone())
    }

    /// The frontend hosts of the instance.
    pub fn domains(&self) -> Domains<Blocking> {
        Domains::new(Arc::clone(&self.inner), self.run.clone())
    }

    /// The public keys whose tokens are accepted.
    pub fn jwks(&self) -> Jwks<Blocking> {
        Jwks::new(Arc::clone(&self.inner), self.run.clone())
    }

    /// Tokens for end-to-end tests.
    pub fn testing_tokens(&self) -> TestingTokens<Blocking> {
        TestingTokens::new(Arc::clone(&self.inner), self.run.clone())
    }

    /// What became of messages to people. Verger only.
    pub fn deliveries(&self) -> Deliveries<Blocking> {
        Deliveries::new(Arc::clone(&self.inner), self.run.clone())
    }

    /// Endpoints that receive events. Verger only.
    pub fn webhook_endpoints(&self) -> WebhookEndpoints<Blocking> {
        WebhookEndpoints::new(Arc::clone(&self.inner), self.run.clone())
    }

    /// Events as they happen. Verger only.
    pub fn events(&self) -> Events<Blocking> {
        Events::new(Arc::clone(&self.inner), self.run.clone())
    }

    /// The audit trail. Verger only.
    pub fn audit_log(&self) -> AuditLog<Blocking> {
        AuditLog::new(Arc::clone(&self.inner), self.run.clone())
    }

    /// Messages as people would get them, for tests. Development instances of Verger only.
    pub fn messages(&self) -> Messages<Blocking> {
        Messages::new(Arc::clone(&self.inner), self.run.clone())
    }

    /// The time of a development instance. Verger only.
    pub fn clock(&self) -> Clock<Blocking> {
        Clock::new(Arc::clone(&self.inner), self.run.clone())
    }

    /// What the instance is set to, as one document. Verger only.
    pub fn settings(&self) -> Settings<Blocking> {
        Settings::new(Arc::clone(&self.inner), self.run.clone())
    }

    /// The keys that sign the instance's tokens. Verger only.
    pub fn signing_keys(&self) -> SigningKeys<Blocking> {
        SigningKeys::new(Arc::clone(&self.inner), self.run.clone())
    }

    /// The instance that the secret key belongs to.
    pub fn instances(&self) -> Instances<Blocking> {
        Instances::new(Arc::clone(&self.inner), self.run.clone())
    }

    /// Any operation that has no method here; see [`Client::request`](crate::Client::request).
    pub fn request(&self, method: Method, path: &str) -> Request<Value, Blocking> {
        Request::raw(Arc::clone(&self.inner), self.run.clone(), method, path)
    }
}

impl<T: DeserializeOwned + Send + 'static> Request<T, Blocking> {
    /// Sends it, and blocks the thread until the answer is there.
    ///
    /// # Errors
    /// Whatever [`Error`] tells of.
    pub fn send(self) -> Result<T, Error> {
        self.response().map(Response::into_value)
    }

    /// As [`send`](Self::send), and gives what the answer says besides the object.
    ///
    /// # Errors
    /// Whatever [`Error`] tells of.
    pub fn response(self) -> Result<Response<T>, Error> {
        let run = self.run.clone();
        run.wait(self.start())
    }
}

impl Request<EventStream, Blocking> {
    /// Sends it, and blocks the thread until the service begins to answer.
    ///
    /// # Errors
    /// Those of [`follow_events`](Events::follow_events).
    ///
    /// ```
    /// # use verger_client::testing::{Answer, MockTransport};
    /// # let mock = MockTransport::new();
    /// # let event = r#"{"id":"evt_8","type":"user.created","timestamp":1,"data":{}}"#;
    /// # mock.push(Answer::text(200, "text/event-stream", &format!("id: evt_8\ndata: {event}\n\n")));
    /// # let client = mock.builder().build_blocking()?;
    /// for event in client.events().follow_events(None).send()? {
    ///     assert_eq!(event?.id, "evt_8");
    /// }
    /// # Ok::<(), verger_client::Error>(())
    /// ```
    pub fn send(self) -> Result<EventIterator, Error> {
        let run = self.run.clone();
        let stream = run.wait(self.open())?;
        let last_event_id = stream.last_event_id().map(str::to_owned);
        Ok(EventIterator { stream: Some(stream), last_event_id, run })
    }
}

/// Events of one connection; from [`follow_events`](Events::follow_events). Asking for the next one blocks until there is
/// one. After an error it is over.
#[must_use = "an iterator does nothing before it is asked"]
pub struct EventIterator {
    /// Away while its next event is waited for; gone if the client's thread is.
    stream: Option<EventStream>,
    last_event_id: Option<String>,
    run: Blocking,
}

impl EventIterator {
    /// As [`EventStream::last_event_id`].
    pub fn last_event_id(&self) -> Option<&str> {
        self.last_event_id.as_deref()
    }
}

impl fmt::Debug for EventIterator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EventIterator")
    }
}

impl Iterator for EventIterator {
    type Item = Result<Event, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut stream = self.stream.take()?;
        let next = Sending::new(async move {
            let next = stream.try_next().await;
            Ok((stream, next))
        });
        match self.run.wait(next) {
            Ok((stream, next)) => {
                self.last_event_id = stream.last_event_id().map(str::to_owned);
                self.stream = Some(stream);
                next.transpose()
            }
            Err(error) => Some(Err(error)),
        }
    }
}

impl Users<Blocking> {
    /// All users that `params` ask for, page by page; as [`stream_user_list`](Users::stream_user_list).
    ///
    /// ```
    /// # use verger_client::testing::{Answer, MockTransport};
    /// # use serde_json::json;
    /// # let mock = MockTransport::new();
    /// # mock.push(Answer::json(200, json!([{"id": "user_1", "created_at": 1, "updated_at": 1}])));
    /// # let client = mock.builder().build_blocking()?;
    /// for user in client.users().iterate_user_list(Default::default()) {
    ///     assert_eq!(user?.id, "user_1");
    /// }
    /// # Ok::<(), verger_client::Error>(())
    /// ```
    #[doc(alias("list_all_users", "iter_users"))]
    pub fn iterate_user_list(&self, params: GetUserListParams) -> UserIterator {
        UserIterator { pages: Pages::new(self.clone(), params), ready: VecDeque::new() }
    }
}

/// All users, page by page; from [`iterate_user_list`](Users::iterate_user_list). After an error it is over.
#[must_use = "an iterator does nothing before it is asked"]
pub struct UserIterator {
    pages: Pages<Blocking>,
    ready: VecDeque<User>,
}

impl fmt::Debug for UserIterator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserIterator")
    }
}

impl Iterator for UserIterator {
    type Item = Result<User, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(user) = self.ready.pop_front() {
                return Some(Ok(user));
            }
            let page = self.pages.request()?.send();
            match self.pages.accept(page) {
                Ok(page) => self.ready = page,
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

/// All objects of a list, page by page; from the methods `iterate_…`. After an error it is over.
///
/// Objects that come or go while it is read can repeat or hide others: the service counts from the start of the list.
///
/// ```
/// # use verger_client::testing::{Answer, MockTransport};
/// # use serde_json::json;
/// # let mock = MockTransport::new();
/// # let url = json!({"id": "ru_1", "url": "com.example.app://signed-in", "created_at": 1, "updated_at": 1});
/// # mock.push(Answer::json(200, json!({"data": [url], "total_count": 1})));
/// # let client = mock.builder().build_blocking()?;
/// for redirect in client.redirect_urls().iterate_redirect_urls(Default::default()) {
///     assert_eq!(redirect?.url, "com.example.app://signed-in");
/// }
/// # Ok::<(), verger_client::Error>(())
/// ```
#[must_use = "an iterator does nothing before it is asked"]
pub struct ObjectIterator<T> {
    walk: Walk<T, Blocking>,
    ready: VecDeque<T>,
}

impl<T> fmt::Debug for ObjectIterator<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ObjectIterator")
    }
}

impl<T: Listed + DeserializeOwned + Send + 'static> Iterator for ObjectIterator<T> {
    type Item = Result<T, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(object) = self.ready.pop_front() {
                return Some(Ok(object));
            }
            let page = self.walk.request()?.send();
            match self.walk.accept(page) {
                Ok(page) => self.ready = page,
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

macro_rules! iterators {
    ($($resource:ident($params:ident) of $object:ty => $iterate:ident, as $stream:ident;)*) => {
        $(impl $resource<Blocking> {
            #[doc = concat!(
                "All that `params` ask for, page by page; as [`", stringify!($stream), "`](", stringify!($resource), "::",
                stringify!($stream), ")."
            )]
            pub fn $iterate(&self, params: $params) -> ObjectIterator<$object> {
                ObjectIterator { walk: self.walk(params), ready: VecDeque::new() }
            }
        })*
    };
}

iterators! {
    Sessions(GetSessionListParams) of UserSession => iterate_session_list, as stream_session_list;
    Clients(PageParams) of UserClient => iterate_client_list, as stream_client_list;
    JwtTemplates(PageParams) of JwtTemplate => iterate_jwt_templates, as stream_jwt_templates;
    Invitations(ListInvitationsParams) of Invitation => iterate_invitations, as stream_invitations;
    AllowlistIdentifiers(PageParams) of AllowlistIdentifier =>
        iterate_allowlist_identifiers, as stream_allowlist_identifiers;
    BlocklistIdentifiers(PageParams) of BlocklistIdentifier =>
        iterate_blocklist_identifiers, as stream_blocklist_identifiers;
    RedirectUrls(PageParams) of RedirectUrl => iterate_redirect_urls, as stream_redirect_urls;
}
