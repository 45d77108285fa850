//! The delivery job with senders that work, refuse, hang or die: the API's own answer is the same, and nothing is sent
//! twice.

use super::provider::{Provider, Reply, answer, json as json_reply};
use super::*;
use crate::codes::real_number;
use crate::support::{START, TestApp};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::Mutex;
use tokio::task::JoinHandle;
use verger_server::Messaging;
use verger_server::deliver::Sending;
use verger_store::{Message, MessageState, Write};
use verger_wire::{MessageId, UnixMillis};

/// What a scripted sender does with a message.
#[derive(Clone, Debug)]
enum Act {
    Accept,
    NotSent,
    Unknown,
    Refuse,
    /// Takes the message over and then waits for ever: a server that stops meanwhile never says what became of it.
    Hang,
}

/// Remembers each message that it took over.
struct Scripted {
    is_idempotent: bool,
    acts: Mutex<VecDeque<Act>>,
    taken: Mutex<Vec<String>>,
}

impl Scripted {
    fn new(is_idempotent: bool, acts: impl IntoIterator<Item = Act>) -> Arc<Self> {
        let acts = Mutex::new(acts.into_iter().collect());
        Arc::new(Self { is_idempotent, acts, taken: Mutex::default() })
    }

    fn taken(&self) -> Vec<String> {
        self.taken.lock().unwrap().clone()
    }
}

impl Sender for Scripted {
    fn name(&self) -> &'static str {
        "scripted"
    }

    fn is_idempotent(&self) -> bool {
        self.is_idempotent
    }

    fn send<'a>(&'a self, message: &'a Outgoing, _deadline: Instant) -> Sending<'a> {
        let act = self.acts.lock().unwrap().pop_front().unwrap_or(Act::Accept);
        if !matches!(act, Act::NotSent | Act::Refuse) {
            self.taken.lock().unwrap().push(message.id.clone());
        }
        Box::pin(async move {
            match act {
                Act::Accept => Ok(Accepted { provider_id: Some("P1".to_owned()), delivered: false }),
                Act::NotSent => Err(SendError::NotSent { reason: "busy".to_owned(), retry_after: None }),
                Act::Unknown => Err(SendError::Unknown { reason: "it broke off".to_owned() }),
                Act::Refuse => Err(SendError::Refused { reason: "no such number".to_owned() }),
                Act::Hang => std::future::pending().await,
            }
        })
    }
}

async fn app_with(sms: Arc<dyn Sender>) -> TestApp {
    let mut messaging = Messaging::development().unwrap();
    messaging.delivery.sms = sms;
    TestApp::with(messaging).await
}

fn deliver(app: &TestApp) -> JoinHandle<()> {
    tokio::spawn(verger_server::deliver_messages(Arc::clone(&app.app)))
}

/// The only delivery of its channel, once `wanted` is true of it.
async fn delivery(app: &TestApp, channel: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let deliveries = app.get("/verger/v1/deliveries").await;
        let mut of_channel = deliveries.ok().as_array().unwrap().clone();
        of_channel.retain(|delivery| delivery["channel"] == channel);
        assert!(of_channel.len() == 1, "{of_channel:?}");
        let delivery = of_channel.remove(0);
        if wanted(&delivery) {
            return delivery;
        }
        assert!(Instant::now() < end, "{delivery}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn with_status(app: &TestApp, status: &str) -> Value {
    delivery(app, "sms", |delivery| delivery["status"] == status).await
}

/// The delivery when it waits again after so many tries.
async fn waiting(app: &TestApp, tries: i64) -> Value {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let shown = delivery(app, "sms", |delivery| delivery["attempts"] == tries).await;
        let id = shown["id"].as_str().unwrap().into();
        let message = app.store.message_anywhere(&id, soon()).await.unwrap().unwrap().1;
        if message.state == MessageState::Queued && message.tries == tries {
            return delivery(app, "sms", |_| true).await;
        }
        assert!(Instant::now() < end, "{message:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until the delivery was tried once and is not under way: a clock that moves while it is would end its lease.
async fn tried_once(app: &TestApp) {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let shown = delivery(app, "sms", |delivery| delivery["attempts"] == 1).await;
        let id = shown["id"].as_str().unwrap().into();
        let message = app.store.message_anywhere(&id, soon()).await.unwrap().unwrap().1;
        if message.state != MessageState::Sending {
            return;
        }
        assert!(Instant::now() < end, "{message:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn sealed(app: &TestApp, delivery: &Value) -> Option<String> {
    let id = delivery["id"].as_str().unwrap().into();
    let message = app.store.message_anywhere(&id, soon()).await.unwrap().unwrap().1;
    message.sealed
}

#[tokio::test]
async fn a_message_is_sealed_until_it_is_taken_and_erased_then() {
    let sender = Scripted::new(false, []);
    let app = app_with(Arc::clone(&sender) as _).await;
    let pending = app.pending_phone(0).await;
    let waiting = with_status(&app, "queued").await;
    let text = sealed(&app, &waiting).await.unwrap();
    assert!(!text.contains(&pending.code) && !text.contains("4155552000"), "{text}");
    let job = deliver(&app);
    let taken = with_status(&app, "accepted").await;
    assert_eq!((&taken["sender"], &taken["provider_id"]), (&json!("scripted"), &json!("P1")));
    assert_eq!((&taken["attempts"], &taken["reason"]), (&json!(1), &Value::Null));
    assert_eq!(sealed(&app, &taken).await, None);
    assert_eq!(sender.taken(), [taken["id"].as_str().unwrap()]);
    app.app.begin_closing();
    job.await.unwrap();
}

#[tokio::test]
async fn flaw_31_many_jobs_on_one_store_send_each_message_once() {
    let sender = Scripted::new(false, []);
    let app = app_with(Arc::clone(&sender) as _).await;
    for n in 0..30 {
        app.pending_phone(n).await;
    }
    let jobs: Vec<_> = (0..4).map(|_| deliver(&app)).collect();
    let end = Instant::now() + Duration::from_secs(20);
    while sender.taken().len() < 30 {
        assert!(Instant::now() < end);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    app.app.begin_closing();
    for job in jobs {
        job.await.unwrap();
    }
    let mut taken = sender.taken();
    taken.sort();
    taken.dedup();
    assert_eq!((taken.len(), sender.taken().len()), (30, 30));
}

#[tokio::test]
async fn what_was_not_sent_is_tried_again_and_given_up_when_its_code_ends() {
    let sender = Scripted::new(false, [Act::NotSent, Act::NotSent]);
    let app = app_with(Arc::clone(&sender) as _).await;
    app.pending_phone(0).await;
    let job = deliver(&app);
    for (attempts, wait_ms) in [(1, 1_000), (2, 5_000)] {
        let waiting = waiting(&app, attempts).await;
        assert_eq!((&waiting["status"], &waiting["reason"]), (&json!("queued"), &json!("busy")));
        app.advance_ms(wait_ms);
    }
    let taken = with_status(&app, "accepted").await;
    assert_eq!((&taken["attempts"], sender.taken().len()), (&json!(3), 1));
    app.app.begin_closing();
    job.await.unwrap();

    let sender = Scripted::new(true, std::iter::repeat_n(Act::NotSent, 50));
    let app = app_with(Arc::clone(&sender) as _).await;
    app.pending_phone(0).await;
    let job = deliver(&app);
    waiting(&app, 1).await;
    app.advance_ms(600_000);
    let failed = with_status(&app, "failed").await;
    assert_eq!(failed["reason"], "it could not be sent before its code ended");
    assert_eq!((sealed(&app, &failed).await, sender.taken().len()), (None, 0));
    app.app.begin_closing();
    job.await.unwrap();
}

#[tokio::test]
async fn flaw_31_what_may_have_been_sent_is_sent_again_only_where_that_is_harmless() {
    for is_idempotent in [false, true] {
        let sender = Scripted::new(is_idempotent, [Act::Unknown]);
        let app = app_with(Arc::clone(&sender) as _).await;
        app.pending_phone(0).await;
        let job = deliver(&app);
        if is_idempotent {
            waiting(&app, 1).await;
            app.advance_ms(1_000);
            with_status(&app, "accepted").await;
        } else {
            let unknown = with_status(&app, "unknown").await;
            assert_eq!(
                (unknown["reason"].as_str(), sealed(&app, &unknown).await),
                (Some("it broke off"), None)
            );
            app.advance_ms(300_000);
            tokio::time::sleep(Duration::from_millis(1_200)).await;
        }
        let taken = sender.taken();
        assert_eq!(taken.len(), if is_idempotent { 2 } else { 1 });
        assert!(taken.iter().all(|id| *id == taken[0]), "the same id, so that the provider can tell");
        app.app.begin_closing();
        job.await.unwrap();
    }
}

/// The server dies between the claim and the mark, with the provider asked or not yet: nobody can know.
#[tokio::test]
async fn flaw_31_a_message_of_a_dead_server_is_unknown_when_its_lease_is_over() {
    for is_idempotent in [false, true] {
        let sender = Scripted::new(is_idempotent, [Act::Hang]);
        let app = app_with(Arc::clone(&sender) as _).await;
        app.pending_phone(0).await;
        let dead = deliver(&app);
        while sender.taken().is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        dead.abort();
        let _ = dead.await;
        let job = deliver(&app);
        // Within the lease it is somebody's.
        app.advance_ms(89_999);
        tokio::time::sleep(Duration::from_millis(6_500)).await;
        let held = with_status(&app, "queued").await;
        assert_eq!((&held["attempts"], sender.taken().len()), (&json!(1), 1));
        app.advance_ms(1);
        if is_idempotent {
            delivery(&app, "sms", |delivery| delivery["reason"] != Value::Null).await;
            app.advance_ms(5_000);
            with_status(&app, "accepted").await;
            assert_eq!(sender.taken().len(), 2);
        } else {
            let unknown = with_status(&app, "unknown").await;
            assert_eq!(unknown["reason"], "the server stopped while it was being sent");
            assert_eq!((sealed(&app, &unknown).await, sender.taken().len()), (None, 1));
        }
        app.app.begin_closing();
        job.await.unwrap();
    }
}

#[tokio::test]
async fn a_provider_that_hangs_does_not_hold_up_the_other_channel() {
    let sender = Scripted::new(false, std::iter::repeat_n(Act::Hang, 100));
    let app = app_with(Arc::clone(&sender) as _).await;
    for n in 0..70 {
        app.pending_phone(n).await;
    }
    let job = deliver(&app);
    let end = Instant::now() + Duration::from_secs(20);
    while sender.taken().len() < 64 {
        assert!(Instant::now() < end);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let began = Instant::now();
    app.pending_email(0).await;
    delivery(&app, "email", |delivery| delivery["status"] == "delivered").await;
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    assert_eq!(sender.taken().len(), 64, "no more than that at a time");
    job.abort();
}

#[tokio::test]
async fn closing_finishes_what_is_being_sent() {
    let provider = Provider::start([Reply::Hang]).await;
    let app = app_with(twilio(&provider.url, "attempt_timeout_ms = 1500")).await;
    app.pending_phone(0).await;
    let job = deliver(&app);
    while provider.requests().is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    app.app.begin_closing();
    job.await.unwrap();
    let unknown = with_status(&app, "unknown").await;
    assert_eq!(unknown["attempts"], 1);
}

/// Bad answers of the real provider: the API's own answer is the same, and no more than one request of them may have
/// sent something.
#[tokio::test]
async fn whatever_twilio_does_the_answer_of_the_api_is_correct_and_nothing_goes_out_twice() {
    let accepted = || json_reply("201 Created", "{\"sid\":\"SM1\",\"status\":\"queued\"}");
    let cases: [(&str, Vec<Reply>, &str, usize); 6] = [
        ("201", vec![accepted()], "accepted", 1),
        ("400", vec![json_reply("400 Bad Request", "{\"code\":21211}")], "failed", 1),
        ("429", vec![answer("429 Too Many Requests", "retry-after: 1\r\n", ""), accepted()], "accepted", 2),
        ("500", vec![json_reply("500 Internal Server Error", "{}"), accepted()], "unknown", 1),
        ("hangs", vec![Reply::Hang, accepted()], "unknown", 1),
        ("dies", vec![Reply::Broken("HTTP/1.1 201 Cre".to_owned()), accepted()], "unknown", 1),
    ];
    for (what, replies, status, requests) in cases {
        let provider = Provider::start(replies).await;
        let app = app_with(twilio(&provider.url, "attempt_timeout_ms = 1000")).await;
        let job = deliver(&app);
        let user = app.bare_user().await;
        let id = app.add_number(&user, &real_number(0), json!({})).await;
        let path = format!("/v1/phone_numbers/{id}");
        let began = Instant::now();
        let prepared = app.prepare(&path).await;
        assert!(began.elapsed() < Duration::from_millis(800), "{what}: the provider is not waited for");
        assert_eq!(
            (&prepared.ok()["status"], &prepared.body["expire_at"]),
            (&json!("unverified"), &json!(START + 600_000))
        );
        tried_once(&app).await;
        app.advance_ms(10_000);
        let done = with_status(&app, status).await;
        tokio::time::sleep(Duration::from_millis(1_200)).await;
        assert_eq!(provider.requests().len(), requests, "{what}");
        assert_eq!(done["reason"] == Value::Null, status == "accepted", "{what}: {done}");
        let verification = prepared.body["id"].as_str().unwrap();
        let code = app.code_of(verification).await;
        assert!(provider.requests()[0].contains(&code));
        assert!(!done.to_string().contains(&code) && !done.to_string().contains("4155552000"));
        assert_eq!(app.attempt(&path, verification, &code).await.ok()["status"], "verified", "{what}");
        app.app.begin_closing();
        job.await.unwrap();
    }
}

#[tokio::test]
async fn messages_that_wait_for_a_missing_key_let_others_pass_and_fail_when_their_code_ends() {
    const STUCK: usize = 300;
    let sender = Scripted::new(true, []);
    let app = app_with(Arc::clone(&sender) as _).await;
    let pending = app.pending_phone(0).await;
    let good = delivery(&app, "sms", |_| true).await["id"].as_str().unwrap().to_owned();
    let (instance, good) = app.store.message_anywhere(&good.into(), soon()).await.unwrap().unwrap();
    // Written before, and more than a look at the queue finds.
    let stuck: Vec<_> = (0..STUCK)
        .map(|n| Message {
            id: format!("sms_stuck{n}").into(),
            sealed: Some("lostlost:AAAA".to_owned()),
            due_at: UnixMillis(START - 1),
            ..good.clone()
        })
        .collect();
    let write = Write { messages: stuck, ..Write::at(UnixMillis(START)) };
    app.store.instance(&instance).save(&write, soon()).await.unwrap();
    let state_of = async |id: &MessageId| {
        let (_, message) = app.store.message_anywhere(id, soon()).await.unwrap().unwrap();
        (message.state, message.tries)
    };
    let until = async |id: &MessageId, state: MessageState| {
        let end = Instant::now() + Duration::from_secs(20);
        while state_of(id).await.0 != state {
            assert!(Instant::now() < end, "{id}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let job = deliver(&app);
    until(&good.id, MessageState::Accepted).await;
    assert_eq!(sender.taken(), [good.id.as_str()]);
    let last = MessageId::from(format!("sms_stuck{}", STUCK - 1));
    assert_eq!(state_of(&last).await, (MessageState::Queued, 0));
    assert!(!pending.code.is_empty());
    app.advance_ms(600_000);
    until(&last, MessageState::Failed).await;
    assert_eq!(sender.taken().len(), 1);
    app.app.begin_closing();
    job.await.unwrap();
}

#[tokio::test]
async fn a_refusal_is_final() {
    let sender = Scripted::new(true, [Act::Refuse]);
    let app = app_with(Arc::clone(&sender) as _).await;
    app.pending_phone(0).await;
    let job = deliver(&app);
    let failed = with_status(&app, "failed").await;
    assert_eq!((&failed["reason"], &failed["attempts"]), (&json!("no such number"), &json!(1)));
    assert_eq!((sealed(&app, &failed).await, sender.taken().len()), (None, 0));
    app.app.begin_closing();
    job.await.unwrap();
}

#[tokio::test]
async fn clock_set_back_sends_what_waits() {
    let sender = Scripted::new(true, [Act::NotSent]);
    let app = app_with(Arc::clone(&sender) as _).await;
    app.advance_ms(3_600_000);
    let _delivering = deliver(&app);
    app.pending_phone(0).await;
    waiting(&app, 1).await;
    app.advance_ms(-3_600_000);
    with_status(&app, "accepted").await;
    assert_eq!(sender.taken().len(), 1);
}

/// However far the clock jumps: the server that sends a message knows that it does.
#[tokio::test]
async fn message_under_way_is_not_lost_when_the_clock_jumps() {
    let sender = Scripted::new(false, [Act::Hang]);
    let app = app_with(Arc::clone(&sender) as _).await;
    let _delivering = deliver(&app);
    app.pending_phone(0).await;
    let shown = delivery(&app, "sms", |delivery| delivery["attempts"] == 1).await;
    let id = shown["id"].as_str().unwrap().into();
    let state = async || app.store.message_anywhere(&id, soon()).await.unwrap().unwrap().1.state;
    assert_eq!(state().await, MessageState::Sending);
    app.advance_ms(300_000);
    // Longer than until the next look for lost messages.
    tokio::time::sleep(Duration::from_millis(6_500)).await;
    assert_eq!(state().await, MessageState::Sending);
}
