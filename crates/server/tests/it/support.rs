//! A server with two instances, and callers that hold every answer to the rules that all answers follow.

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request};
use http_body_util::BodyExt as _;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};
use verger_core::FrontendHost;
use verger_server::router::{Server, service};
use verger_server::{App, Limits, ManualClock, Messaging, Randomness};
use verger_store::{Environment, Instance, KeyDigest, SecretKey, Store};
use verger_wire::UnixMillis;

/// When every test begins.
pub(crate) const START: i64 = 1_800_000_000_000;
/// How far [`TestApp::tick`] moves the clock.
pub(crate) const TICK: i64 = 60_000;

pub(crate) const DEVELOPMENT_KEY: &str = "sk_test_0123456789abcdef";
pub(crate) const PRODUCTION_KEY: &str = "sk_live_0123456789abcdef";
pub(crate) const REVOKED_KEY: &str = "sk_test_revoked_456789abcdef";

/// A server in this process.
#[derive(Clone)]
pub(crate) struct TestApp {
    server: Server,
    clock: Arc<ManualClock>,
    pub(crate) app: Arc<App>,
    pub(crate) store: Arc<Store>,
}

/// An answer that does not end.
pub(crate) struct Stream {
    body: Body,
    rest: String,
}

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    /// Null when there is no body.
    pub(crate) body: Value,
}

/// A request in the making; by default from the development instance.
pub(crate) struct Call<'a> {
    app: &'a TestApp,
    request: axum::http::request::Builder,
    body: Option<Vec<u8>>,
    has_key: bool,
    has_content_type: bool,
}

/// The n-th test number: accepted as it is in a development instance.
pub(crate) fn number(n: usize) -> String {
    format!("+1{}5550{}", 200 + n / 100, 100 + n % 100)
}

fn deadline() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

/// `VERGER_TEST_STORE=postgres` runs everything on PostgreSQL.
async fn empty_store() -> Store {
    match std::env::var("VERGER_TEST_STORE").as_deref() {
        Ok("postgres") => {
            let cluster = verger_testdb::Cluster::shared().expect("PostgreSQL is on this machine");
            Store::open_url(&cluster.url(&cluster.database()), deadline()).await.unwrap()
        }
        Ok(other) => panic!("VERGER_TEST_STORE is {other}: it can be postgres"),
        Err(_) => Store::ephemeral().unwrap(),
    }
}

impl TestApp {
    pub(crate) async fn new() -> Self {
        Self::with(Messaging::development().unwrap()).await
    }

    pub(crate) async fn with(messaging: Messaging) -> Self {
        Self::on(empty_store().await, messaging).await
    }

    /// On this store, which is empty.
    pub(crate) async fn on(store: Store, messaging: Messaging) -> Self {
        let clock = Arc::new(ManualClock::at(UnixMillis(START)));
        let store = Arc::new(store);
        store.migrate(UnixMillis(START), deadline()).await.unwrap();
        let randomness = Randomness::seeded(Box::new(StdRng::seed_from_u64(7)));
        let app = Arc::new(App::new(
            Arc::clone(&store),
            Arc::clone(&clock) as _,
            randomness,
            Limits::default(),
            messaging,
        ));
        for (environment, secrets) in [
            (Environment::Development, &[DEVELOPMENT_KEY, REVOKED_KEY][..]),
            (Environment::Production, &[PRODUCTION_KEY]),
        ] {
            let id = app.env().instance_id();
            let name = environment.as_str().to_owned();
            let instance = Instance { id: id.clone(), name, environment, created_at: UnixMillis(START) };
            store.create_instance(&instance, deadline()).await.unwrap();
            let host = FrontendHost::parse(&format!("clerk.{}.example.com", environment.as_str())).unwrap();
            let host_id = app.env().domain_id();
            let scoped = store.instance(&id);
            scoped.add_frontend_host(&host_id, &host, UnixMillis(START), deadline()).await.unwrap();
            for secret in secrets {
                let key = SecretKey {
                    id: app.env().key_id(),
                    instance_id: id.clone(),
                    name: "test".to_owned(),
                    hint: "cdef".to_owned(),
                    created_at: UnixMillis(START),
                    revoked_at: None,
                };
                store.create_key(&key, &KeyDigest::of(secret), deadline()).await.unwrap();
                if *secret == REVOKED_KEY {
                    store.revoke_key(&key.id, UnixMillis(START), deadline()).await.unwrap();
                }
            }
        }
        Self { server: service(Arc::clone(&app)), clock, app, store }
    }

    /// A server on a copy of the store of this one, with the same clock and the same secret keys, but code keys of its own.
    pub(crate) async fn copied(&self) -> Self {
        let store = Arc::new(empty_store().await);
        let now = verger_server::Clock::now(&*self.clock);
        store.migrate(now, deadline()).await.unwrap();
        verger_store::copy(&self.store, &store, now, |_| {}).await.unwrap();
        let randomness = Randomness::seeded(Box::new(StdRng::seed_from_u64(8)));
        let (clock, messaging) = (Arc::clone(&self.clock), Messaging::development().unwrap());
        let app =
            App::new(Arc::clone(&store), Arc::clone(&clock) as _, randomness, Limits::default(), messaging);
        let app = Arc::new(app);
        Self { server: service(Arc::clone(&app)), clock, app, store }
    }

    /// Moves the clock by this many milliseconds.
    pub(crate) fn advance_ms(&self, duration_ms: i64) {
        self.clock.advance_ms(duration_ms);
    }

    /// Server-sent events from the development instance.
    pub(crate) async fn stream(&self, path: &str, last_event_id: Option<&str>) -> Stream {
        let stream = self.stream_of(DEVELOPMENT_KEY, path, last_event_id).await;
        stream.unwrap_or_else(|status| panic!("{status}"))
    }

    /// Server-sent events with this key, or the status of the refusal.
    pub(crate) async fn stream_of(
        &self,
        key: &str,
        path: &str,
        last_event_id: Option<&str>,
    ) -> Result<Stream, u16> {
        let mut request = Request::builder().uri(path).header("authorization", format!("Bearer {key}"));
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        let response = self.server.clone().handle(request.body(Body::empty()).unwrap()).await;
        if response.status() != 200 {
            return Err(response.status().as_u16());
        }
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Ok(Stream { body: response.into_body(), rest: String::new() })
    }

    /// The id of the development instance.
    pub(crate) async fn instance_id(&self) -> verger_wire::InstanceId {
        let instances = self.store.instances(deadline()).await.unwrap();
        let is_development = |instance: &&Instance| instance.environment == Environment::Development;
        instances.iter().find(is_development).unwrap().id.clone()
    }

    /// The time of the server.
    pub(crate) fn now(&self) -> UnixMillis {
        verger_server::Clock::now(&*self.clock)
    }

    /// Moves the clock and gives the new moment.
    pub(crate) fn tick(&self) -> i64 {
        self.clock.advance_ms(TICK);
        verger_server::Clock::now(&*self.clock).0
    }

    pub(crate) fn call(&self, method: &str, path: &str) -> Call<'_> {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        Call {
            app: self,
            request: Request::builder().method(method).uri(path),
            body: None,
            has_key: false,
            has_content_type: false,
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call("GET", path).send().await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.call("POST", path).json(&body).send().await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.call("PATCH", path).json(&body).send().await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.call("DELETE", path).send().await
    }

    /// A new user of the development instance with this body.
    pub(crate) async fn user(&self, body: Value) -> String {
        self.post("/v1/users", body).await.ok()["id"].as_str().unwrap().to_owned()
    }

    /// A new user without any identification.
    pub(crate) async fn bare_user(&self) -> String {
        self.user(json!({ "skip_user_requirement": true })).await
    }

    /// Adds a number to a user and gives its id.
    pub(crate) async fn add_number(&self, user: &str, number: &str, fields: Value) -> String {
        let mut body = json!({ "user_id": user, "phone_number": number });
        let fields = fields.as_object().unwrap().clone();
        body.as_object_mut().unwrap().extend(fields);
        self.post("/v1/phone_numbers", body).await.ok()["id"].as_str().unwrap().to_owned()
    }

    /// A page or another public document, as it comes: status, headers, bytes.
    pub(crate) async fn page(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> (u16, HeaderMap, Vec<u8>) {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.server.clone().handle(request.body(Body::empty()).unwrap()).await;
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        (parts.status.as_u16(), parts.headers, bytes.to_vec())
    }

    /// Gives the instance of this key one host more under which browsers reach it.
    pub(crate) async fn add_host(&self, key: &str, host: &str) {
        let (id, host) = (self.instance_of(key).await, FrontendHost::parse(host).unwrap());
        let scoped = self.store.instance(&id);
        scoped.add_frontend_host(&"dmn_1".into(), &host, UnixMillis(START), deadline()).await.unwrap();
    }

    /// Takes all hosts of the instance of this key.
    pub(crate) async fn remove_hosts(&self, key: &str) {
        let id = self.instance_of(key).await;
        let scoped = self.store.instance(&id);
        for host in scoped.frontend_hosts(deadline()).await.unwrap() {
            scoped.remove_frontend_host(&host.host, deadline()).await.unwrap();
        }
    }

    async fn instance_of(&self, key: &str) -> verger_wire::InstanceId {
        self.call("GET", "/v1/instance").key(key).send().await.ok()["id"].as_str().unwrap().into()
    }

    /// Every user of both instances, as the API shows them.
    pub(crate) async fn dump(&self) -> String {
        let development = self.get("/v1/users?limit=500").await;
        let production = self.call("GET", "/v1/users?limit=500").key(PRODUCTION_KEY).send().await;
        assert_eq!((development.status, production.status), (200, 200));
        format!("{}\n{}", development.text, production.text)
    }
}

impl Call<'_> {
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    pub(crate) fn key(mut self, secret: &str) -> Self {
        self.has_key = true;
        self.header("authorization", &format!("Bearer {secret}"))
    }

    /// Sends no `Authorization` unless `header` adds one.
    pub(crate) fn without_key(mut self) -> Self {
        self.has_key = true;
        self
    }

    pub(crate) fn content_type(mut self, value: &str) -> Self {
        self.has_content_type = true;
        self.header("content-type", value)
    }

    pub(crate) fn without_content_type(mut self) -> Self {
        self.has_content_type = true;
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.body(body.to_string())
    }

    pub(crate) async fn send(self) -> Answer {
        let answer = self.send_unchecked().await;
        answer.check();
        answer
    }

    /// For what is not the Backend API, whose answers need not have its headers.
    pub(crate) async fn send_unchecked(mut self) -> Answer {
        if !self.has_key {
            self = self.key(DEVELOPMENT_KEY);
        }
        if self.body.is_some() && !self.has_content_type {
            self = self.content_type("application/json");
        }
        let request = self.request.body(self.body.map_or_else(Body::empty, Body::from)).unwrap();
        let response = self.app.server.clone().handle(request).await;
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let body = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() };
        Answer { status: parts.status.as_u16(), headers: parts.headers, text, body }
    }
}

impl Answer {
    /// What holds for every answer of the API (contract section 6).
    fn check(&self) {
        let trace_id = self.header("x-clerk-trace-id").expect("a trace id");
        assert!(trace_id.len() == 32 && trace_id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{trace_id}");
        assert!(self.header("clerk-api-version").is_some(), "{self:?}");
        if matches!(self.status, 204 | 304) {
            assert_eq!(self.text, "");
            return;
        }
        assert_eq!(self.headers.get_all("content-type").iter().count(), 1, "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
        if self.status == 200 {
            assert!(self.body.get("errors").is_none(), "{self:?}");
            return;
        }
        let may_pass = self.status == 503 && self.header("retry-after").is_some();
        assert!((400..500).contains(&self.status) || may_pass, "{self:?}");
        assert_eq!(self.body["clerk_trace_id"], trace_id);
        let errors = self.body["errors"].as_array().expect("errors");
        assert!(!errors.is_empty());
        for error in errors {
            for key in ["message", "long_message", "code"] {
                assert!(error[key].as_str().is_some_and(|text| !text.is_empty()), "{key}: {error}");
            }
            // Left out when empty.
            let meta = error.get("meta");
            assert!(meta.is_none_or(|meta| !meta.as_object().unwrap().is_empty()), "{error}");
        }
    }

    /// Status and code of a refusal with one reason.
    #[track_caller]
    pub(crate) fn refusal(&self) -> (u16, &str) {
        assert_ne!(self.status, 200, "{}", self.text);
        (self.status, self.code())
    }

    /// The body of a success.
    #[track_caller]
    pub(crate) fn ok(&self) -> &Value {
        assert_eq!(self.status, 200, "{}", self.text);
        &self.body
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The code of the first error; empty for a success.
    pub(crate) fn code(&self) -> &str {
        self.body["errors"][0]["code"].as_str().unwrap_or("")
    }

    /// The field that the first error blames; empty when it blames none.
    pub(crate) fn param(&self) -> &str {
        self.body["errors"][0]["meta"]["param_name"].as_str().unwrap_or("")
    }

    /// Asserts a refusal.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, code: &str, param: &str) {
        assert_eq!((self.status, self.code(), self.param()), (status, code, param), "{}", self.text);
    }
}

impl Stream {
    /// Waits until there is nothing more.
    pub(crate) async fn ends(mut self) {
        while self.body.frame().await.is_some() {}
    }

    /// The id and the data of the next event.
    pub(crate) async fn next_event(&mut self) -> (String, Value) {
        self.next_or_end().await.expect("it goes on")
    }

    /// The next event, or that it is over.
    pub(crate) async fn next_or_end(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((event, rest)) = self.rest.split_once("\n\n") {
                let line =
                    |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
                let found = line("id: ").zip(line("data: "));
                self.rest = rest.to_owned();
                match found {
                    Some((id, data)) => return Some((id, serde_json::from_str(&data).unwrap())),
                    None => continue,
                }
            }
            let frame =
                tokio::time::timeout(Duration::from_secs(20), self.body.frame()).await.expect("in time");
            let data = frame?.unwrap().into_data().unwrap();
            self.rest.push_str(std::str::from_utf8(&data).unwrap());
        }
    }
}
