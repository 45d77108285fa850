//! What a clock that was ahead wrote is due, ends and is removed all the same.

use super::fixtures::{endpoint, told_until};
use super::support::*;
use crate::{Counted, Message, MessageState, OutboxEvent, Scoped, Store, StoredAnswer, WindowWrite, Write};
use verger_core::WebhookEndpoint;
use verger_core::user::IdentificationStatus;
use verger_core::webhook_endpoint::{DisabledReason, Disabling};
use verger_core::{IdentifierKind, VerificationWindow};
use verger_wire::{EventId, InstanceId, UnixMillis, WebhookEndpointId};

const HOUR_MS: i64 = 3_600_000;
/// A clock that was a year ahead.
const AHEAD_MS: i64 = 365 * 24 * HOUR_MS;
const LIFETIME_MS: i64 = 600_000;

fn ahead() -> UnixMillis {
    NOW.plus_ms(AHEAD_MS)
}

/// Messages with these ids, written at `at`.
async fn queue(scoped: Scoped<'_>, ids: &[&str], at: UnixMillis) -> Vec<Message> {
    let user = new_user(vec![(phone(1), IdentificationStatus::Unverified)], &mut env());
    create_all(scoped, std::slice::from_ref(&user)).await;
    let of = |id: &&str| Message {
        id: (*id).into(),
        channel: "sms".to_owned(),
        user_id: user.id.clone(),
        identification_id: user.identifications[0].id.clone(),
        verification_id: "ver_1".into(),
        recipient: "+1***00".to_owned(),
        sealed: Some("sealed".to_owned()),
        state: MessageState::Queued,
        tries: 0,
        due_at: at,
        give_up_at: at.plus_ms(LIFETIME_MS),
        sender: None,
        provider_id: None,
        reason: None,
        created_at: at,
        updated_at: at,
    };
    let messages: Vec<_> = ids.iter().map(of).collect();
    scoped.save(&Write { messages: messages.clone(), ..Write::at(NOW) }, far()).await.unwrap();
    messages
}

pub(super) async fn message_of_the_future_is_due_and_its_lease_ends(store: &Store) {
    const LEASE_MS: i64 = 90_000;
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    let messages = queue(scoped, &["sms_1", "sms_2"], ahead()).await;
    let due = async |state, now, longest_ms| -> Vec<String> {
        let due = store.due_messages(state, "sms", now, longest_ms, 10, far()).await.unwrap();
        due.into_iter().map(|(_, message)| message.id.to_string()).collect()
    };
    assert_eq!(due(MessageState::Queued, NOW, LIFETIME_MS).await.len(), 2);
    assert_eq!(due(MessageState::Queued, ahead().plus_ms(-1), LIFETIME_MS).await, [""; 0], "as good as now");
    let lease = ahead().plus_ms(LEASE_MS);
    assert!(scoped.claim_message(&messages[0], "test", ahead(), lease, far()).await.unwrap());
    assert_eq!(due(MessageState::Queued, NOW, LIFETIME_MS).await, ["sms_2"]);
    assert_eq!(due(MessageState::Sending, ahead(), LEASE_MS).await, [""; 0], "it is being sent");
    assert_eq!(due(MessageState::Sending, NOW, LEASE_MS).await, ["sms_1"]);
    // Settled: the text is of use for as long as a code lives, and the row goes with the others of now.
    while store.settle_codes(|_| NOW, NOW, far()).await.unwrap() {}
    let message = scoped.message(&"sms_2".into(), far()).await.unwrap().unwrap();
    assert_eq!((message.due_at, message.updated_at, message.created_at), (NOW, NOW, NOW));
    assert_eq!(message.give_up_at, NOW.plus_ms(LIFETIME_MS));
    let sending = scoped.message(&"sms_1".into(), far()).await.unwrap().unwrap();
    assert_eq!((sending.state, sending.due_at), (MessageState::Sending, lease), "its sender will say");
}

pub(super) async fn what_is_remembered_of_numbers_is_settled(store: &Store) {
    let (ours, theirs) = ready(store).await;
    let scoped = store.instance(&ours);
    let window = |at: UnixMillis| VerificationWindow {
        version: 1,
        failures: vec![NOW.plus_ms(-5), at, at.plus_ms(1)],
        sent_at: Some(at),
    };
    let identifiers = |at: usize| phone(at).as_str().to_owned();
    // Within what clocks may differ, of another instance, and far ahead.
    for (scoped, n, at) in
        [(scoped, 1, NOW.plus_ms(1_000)), (store.instance(&theirs), 2, ahead()), (scoped, 3, ahead())]
    {
        let after = window(at);
        let write = WindowWrite {
            kind: IdentifierKind::PhoneNumber,
            identifier: identifiers(n),
            before: VerificationWindow::default(),
            after,
        };
        scoped.save(&Write { windows: vec![write], ..Write::at(NOW) }, far()).await.unwrap();
    }
    execute(
        store,
        &format!(
            "INSERT INTO verifications (instance_id, id, identification_id, key_id, digest, attempts, verified_at,
                created_at, expire_at)
             VALUES ('{ours}', 'ver_1', 'idn_1', 'k', 'd', 0, NULL, {0}, {0} + 600000)",
            ahead().0
        ),
    )
    .await;
    write_events(scoped, vec![event(1, ahead(), Some("sealed"))]).await;
    // The time of the other instance was moved.
    let now_of = |instance: &InstanceId| if *instance == ours { NOW } else { ahead() };
    while store.settle_codes(now_of, NOW, far()).await.unwrap() {}
    let rows = select(store, "SELECT identifier, failures, sent_at, version FROM verification_windows").await;
    let of = |n: usize| rows.iter().find(|row| text(&row[0]) == identifiers(n)).unwrap();
    let shown = |n: usize| (text(&of(n)[1]).to_owned(), int(&of(n)[2]), int(&of(n)[3]));
    assert_eq!(shown(1).2, 1, "left alone");
    assert_eq!(shown(2), (format!("{} {} {}", NOW.0 - 5, ahead().0, ahead().0 + 1), ahead().0, 1));
    assert_eq!(shown(3), (format!("{} {} {}", NOW.0 - 5, NOW.0, NOW.0), NOW.0, 2));
    let codes = select(store, "SELECT created_at, expire_at FROM verifications").await;
    assert_eq!((int(&codes[0][0]), int(&codes[0][1])), (NOW.0, NOW.0 + LIFETIME_MS));
    // The code in an event is erased when its time is over.
    store.erase_sealed_events(NOW.plus_ms(1), far()).await.unwrap();
    assert_eq!(text(&select(store, "SELECT sealed FROM outbox").await[0][0]), "");
}

pub(super) async fn guesses_of_the_future_close_and_lock_for_no_longer_than_others(store: &Store) {
    let (ours, theirs) = ready(store).await;
    let (at, hour) = (ahead().0, HOUR_MS);
    for (instance, user) in [(&ours, "u_1"), (&ours, "u_2"), (&theirs, "u_3")] {
        let lock = if user == "u_2" { NOW.0 + hour } else { at + 5 + hour };
        for sql in [
            format!(
                "INSERT INTO credentials (instance_id, id, backup_codes_left, failed_attempts, lockout_until, created_at)
                 VALUES ('{instance}', '{user}', 0, 10, {lock}, 1)"
            ),
            // The earlier of two that are ahead, the later one, and one of now.
            format!("INSERT INTO guess_windows VALUES ('{instance}', '{user}', 'totp', '', 3, '{at}', {at})"),
            format!(
                "INSERT INTO guess_windows VALUES ('{instance}', '{user}', 'password', '', 7, '{} {at} {}', {})",
                NOW.0 - 5,
                at + 5,
                at + 5
            ),
            format!("INSERT INTO guess_windows VALUES ('{instance}', '{user}', 'backup_codes', '', 1, '{0}', {0})", NOW.0),
        ] {
            execute(store, &sql).await;
        }
    }
    // The time of the other instance was moved.
    let now_of = |instance: &InstanceId| if *instance == ours { NOW } else { ahead() };
    while store.settle_guesses(now_of, NOW, far()).await.unwrap() {}
    let windows = select(
        store,
        "SELECT user_id, factor, version, failures, changed_at FROM guess_windows ORDER BY user_id, factor",
    )
    .await;
    let shown: Vec<_> = windows
        .iter()
        .map(|row| (text(&row[0]), text(&row[1]), int(&row[2]), text(&row[3]).to_owned(), int(&row[4])))
        .collect();
    let (now, before) = (NOW.0, NOW.0 - 5);
    let mut expected = Vec::new();
    for user in ["u_1", "u_2"] {
        expected.push((user, "backup_codes", 1, format!("{now}"), now));
        expected.push((user, "password", 8, format!("{before} {now} {now}"), now));
        expected.push((user, "totp", 4, format!("{now}"), now));
    }
    expected.push(("u_3", "backup_codes", 1, format!("{now}"), now));
    expected.push(("u_3", "password", 7, format!("{before} {at} {}", at + 5), at + 5));
    expected.push(("u_3", "totp", 3, format!("{at}"), at));
    assert_eq!(shown, expected);
    let locks = select(store, "SELECT lockout_until FROM credentials ORDER BY id").await;
    let locks: Vec<_> = locks.iter().map(|row| int(&row[0])).collect();
    assert_eq!(locks, [now + hour, now + hour, at + 5 + hour], "a lock of now stays as long as it was");
}

pub(super) async fn what_was_counted_in_the_future_counts_now(store: &Store) {
    let (ours, theirs) = ready(store).await;
    let scoped = store.instance(&ours);
    let hour = |at: UnixMillis| UnixMillis(at.0 - at.0.rem_euclid(HOUR_MS));
    let counted = |subject: &str, at: UnixMillis, add, limit| Counted {
        scope: "recipient",
        subject: subject.to_owned(),
        period_start: hour(at),
        add,
        limit,
    };
    let count = async |scoped: Scoped<'_>, counted: Counted| {
        scoped.save(&Write { counted: vec![counted], ..Write::at(NOW) }, far()).await.is_ok()
    };
    // What was counted before the jump, in an hour that is over, is not counted twice.
    assert!(count(scoped, counted("a", NOW.plus_ms(-HOUR_MS), 3, Some(3))).await);
    assert!(count(scoped, counted("a", ahead(), 2, Some(3))).await);
    assert!(count(store.instance(&theirs), counted("a", ahead(), 3, Some(3))).await);
    assert!(!count(scoped, counted("a", NOW, 2, Some(3))).await, "two of three are used up");
    assert!(count(scoped, counted("b", NOW, 3, Some(3))).await, "nobody else's");
    assert!(count(scoped, counted("a", NOW, 1, Some(3))).await);
    assert!(!count(scoped, counted("a", NOW, 1, Some(3))).await);
    assert!(count(scoped, counted("a", NOW, 5, None)).await, "what has no limit is only counted");
    assert_eq!(store.instances_with_future_counters(NOW, far()).await.unwrap().len(), 2);
    while scoped.settle_counters(NOW, |_| hour(NOW), far()).await.unwrap() {}
    let rows = select(store, "SELECT instance_id, subject, period_start, amount FROM send_counters").await;
    let mut left: Vec<_> = rows
        .iter()
        .map(|row| (text(&row[0]) == ours.as_str(), text(&row[1]).to_owned(), int(&row[2]), int(&row[3])))
        .collect();
    left.sort();
    let (now, before) = (hour(NOW).0, hour(NOW.plus_ms(-HOUR_MS)).0);
    assert_eq!(
        left,
        [
            (false, "a".to_owned(), hour(ahead()).0, 3),
            (true, "a".to_owned(), before, 3),
            (true, "a".to_owned(), now, 8),
            (true, "b".to_owned(), now, 3),
        ]
    );
}

fn event(n: i64, at: UnixMillis, sealed: Option<&str>) -> OutboxEvent {
    OutboxEvent {
        id: format!("evt_{n:04}").into(),
        kind: "user.updated".to_owned(),
        user_id: format!("user_{n}").into(),
        user_version: 1,
        created_at: at,
        payload: format!("{{\"n\":{n}}}"),
        sealed: sealed.map(str::to_owned),
    }
}

async fn write_events(scoped: Scoped<'_>, events: Vec<OutboxEvent>) {
    scoped.save(&Write { events, ..Write::at(NOW) }, far()).await.unwrap();
}

async fn fan_out(scoped: Scoped<'_>, now: UnixMillis, give_up_at: Option<UnixMillis>) {
    let unread = scoped.unread_events(500, far()).await.unwrap();
    let told = told_until(&unread, |_| give_up_at);
    assert!(scoped.fan_out(&unread, told, now, far()).await.unwrap());
}

async fn due(scoped: Scoped<'_>, id: &WebhookEndpointId, now: UnixMillis) -> Vec<EventId> {
    let due = scoped.due_deliveries(id, now, 10, far()).await.unwrap().1;
    due.into_iter().map(|due| due.delivery.event_id).collect()
}

pub(super) async fn delivery_of_the_future_is_due_and_its_claim_ends(store: &Store) {
    const CLAIM_MS: i64 = 70_000;
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    let endpoint = endpoint("whe_1");
    add_endpoint(scoped, &endpoint).await;
    write_events(scoped, vec![event(1, ahead(), None), event(2, ahead(), None)]).await;
    fan_out(scoped, ahead(), None).await;
    let id = &endpoint.id;
    let first = scoped.due_deliveries(id, ahead(), 10, far()).await.unwrap().1.remove(0);
    let lease = ahead().plus_ms(CLAIM_MS);
    assert!(scoped.claim_delivery(id, &first.delivery, ahead(), lease, far()).await.unwrap());
    assert_eq!(due(scoped, id, NOW).await, [] as [EventId; 0]);
    store.release_lost_deliveries(ahead(), CLAIM_MS, far()).await.unwrap();
    assert_eq!(due(scoped, id, ahead()).await.len(), 1, "somebody is at it");
    store.release_lost_deliveries(NOW, CLAIM_MS, far()).await.unwrap();
    assert_eq!(due(scoped, id, NOW).await, ["evt_0001".into()]);
    let settle = async || while store.settle_deliveries(NOW, 10 * HOUR_MS, HOUR_MS, far()).await.unwrap() {};
    settle().await;
    assert_eq!(due(scoped, id, NOW).await, ["evt_0001".into(), "evt_0002".into()]);
    // A wait of now stays what it is, and one that nobody could have asked for ends.
    let set = async |due_at: i64| {
        let sql = format!(
            "UPDATE webhook_deliveries SET state = 'queued', due_at = {due_at}, updated_at = {}",
            NOW.0
        );
        execute(store, &sql).await;
    };
    set(NOW.0 + 10 * HOUR_MS).await;
    settle().await;
    assert_eq!(due(scoped, id, NOW).await.len(), 0);
    set(NOW.0 + 12 * HOUR_MS).await;
    settle().await;
    assert_eq!(due(scoped, id, NOW).await.len(), 2);
}

pub(super) async fn kept_answers_and_endpoints_of_the_future_are_settled(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    let kept = StoredAnswer { created_at: ahead(), ..answer("key") };
    scoped.save(&Write { answer: Some(kept), ..Write::at(NOW) }, far()).await.unwrap();
    let former = WebhookEndpoint {
        former_secret: Some("sealed".to_owned()),
        former_expires_at: Some(ahead()),
        failing_since: Some(ahead()),
        last_failed_at: Some(ahead()),
        ..endpoint("whe_1")
    };
    add_endpoint(scoped, &former).await;
    add_endpoint(scoped, &endpoint("whe_2")).await;
    assert!(remove_endpoint(scoped, &"whe_2".into(), ahead()).await);
    while store.settle_deliveries(NOW, HOUR_MS, HOUR_MS, far()).await.unwrap() {}
    let settled = scoped.webhook_endpoint(&"whe_1".into(), far()).await.unwrap().unwrap();
    assert_eq!(settled.former_expires_at, Some(NOW.plus_ms(HOUR_MS)));
    assert_eq!((settled.failing_since, settled.last_failed_at), (Some(NOW), Some(NOW)));
    // All of it goes when its time has come.
    let later = NOW.plus_ms(HOUR_MS);
    while store.sweep_answers(later, far()).await.unwrap() {}
    assert_eq!(scoped.stored_answer("key", far()).await.unwrap(), None);
    while store.sweep_removed_endpoints(later, far()).await.unwrap() {}
    assert_eq!(select(store, "SELECT endpoint_id FROM webhook_removals").await.len(), 0);
}

pub(super) async fn endpoint_that_is_gone_is_disabled_if_it_still_listens_there(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    let endpoint = endpoint("whe_1");
    add_endpoint(scoped, &endpoint).await;
    write_events(scoped, vec![event(1, NOW, None)]).await;
    fan_out(scoped, NOW, None).await;
    let told = event(9, NOW, None);
    let disable =
        async |url: &str| disable_endpoint(scoped, &endpoint.id, Disabling::Gone { url }, &told).await;
    assert!(!disable("https://example.org/").await, "somebody moved it meanwhile");
    assert!(disable("https://example.com/").await);
    assert!(!disable("https://example.com/").await);
    let kept = scoped.webhook_endpoint(&endpoint.id, far()).await.unwrap().unwrap();
    assert_eq!((kept.disabled_reason, kept.disabled_at), (Some(DisabledReason::Gone), Some(NOW)));
    assert_eq!(due(scoped, &endpoint.id, NOW).await.len(), 0);
}
