use super::codes::{message, outcome, pending};
use super::support::*;
use crate::{KeyUse, Message, MessageState, Scoped, Sealed, SealedIn, Store, StoredAnswer, Write};
use verger_core::WebhookEndpoint;
use verger_core::user::IdentificationStatus;
use verger_wire::UnixMillis;

fn key(n: char) -> String {
    n.to_string().repeat(16)
}

fn sealed_with(n: char, text: &str) -> String {
    format!("{}:{text}", key(n))
}

fn endpoint(id: &str) -> WebhookEndpoint {
    WebhookEndpoint {
        id: id.into(),
        url: "https://example.com".to_owned(),
        events: vec![],
        secret: sealed_with('a', id),
        former_secret: Some(sealed_with('a', "former")),
        former_expires_at: Some(NOW.plus_ms(5)),
        failing_since: None,
        last_failed_at: None,
        disabled_at: None,
        disabled_reason: None,
        created_at: NOW.plus_ms(-7),
        updated_at: NOW,
    }
}

/// A message, an event, and an endpoint with two secrets, each sealed with key `a`.
async fn fill(scoped: Scoped<'_>, number: usize) -> Message {
    let env = &mut env();
    let user = new_user(vec![(phone(number), IdentificationStatus::Unverified)], env);
    let message = Message {
        sealed: Some(sealed_with('a', "message")),
        ..message(&format!("sms_{number}"), &user.identifications[0], &user)
    };
    let mut written = write(None, Some(&user), env);
    written.messages = vec![message.clone()];
    written.events[0].sealed = Some(sealed_with('a', "event"));
    scoped.save(&written, far()).await.unwrap();
    add_endpoint(scoped, &endpoint(&format!("whe_{number}"))).await;
    message
}

/// Everything that another key than `b` sealed.
async fn found(store: &Store, limit: usize) -> Vec<Sealed> {
    let mut all: Vec<Sealed> = Vec::new();
    for place in SealedIn::ALL {
        let mut last = None;
        loop {
            let step =
                store.sealed_with_others(place, &key('b'), last.as_ref(), limit, NOW, far()).await.unwrap();
            assert!(step.len() <= limit);
            let Some(end) = step.last() else { break };
            last = Some(end.clone());
            all.extend(step);
        }
    }
    all
}

fn anew(sealed: Sealed) -> (Sealed, String) {
    let text = sealed.text.replace(&key('a'), &key('b'));
    (sealed, text)
}

pub(super) async fn each_use_of_a_key_says_since_when_and_until_when(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    fill(scoped, 1).await;
    pending(scoped, 2).await;
    let stored = |key: &str, fingerprint: String, age_ms: i64| StoredAnswer {
        fingerprint,
        created_at: NOW.plus_ms(-age_ms),
        ..answer(key)
    };
    let day_ms = 86_400_000;
    let answers = [("1", 'a', day_ms), ("2", 'a', day_ms - 1), ("3", 'a', 5), ("4", 'b', 3)]
        .map(|(name, n, age)| stored(name, sealed_with(n, "x"), age));
    for answer in answers {
        scoped.save(&Write { answer: Some(answer), ..Write::at(NOW) }, far()).await.unwrap();
    }
    let used = |key_id: String, what, count, oldest: i64, ends: Option<i64>| KeyUse {
        key_id,
        what,
        count,
        oldest_at: NOW.plus_ms(oldest),
        ends_at: ends.map(|ms| NOW.plus_ms(ms)),
    };
    let expected = |now: UnixMillis| {
        let secrets = if now < NOW.plus_ms(5) { 2 } else { 1 };
        vec![
            used(key('a'), "events", 1, 0, None),
            used(key('a'), "idempotency keys", 2, 1 - day_ms, Some(day_ms - 5)),
            used(key('a'), "messages", 1, 0, None),
            used(key('a'), "webhook secrets", secrets, -7, None),
            used(key('b'), "idempotency keys", 1, -3, Some(day_ms - 3)),
            used("key".to_owned(), "codes", 1, 0, Some(600_000)),
        ]
    };
    assert_eq!(store.key_uses(NOW, far()).await.unwrap(), expected(NOW));
    let later = store.key_uses(NOW.plus_ms(day_ms - 5), far()).await.unwrap();
    assert!(later.iter().all(|used| used.key_id != key('a') || used.what != "idempotency keys"), "{later:?}");
}

pub(super) async fn what_others_sealed_is_found_in_steps_and_sealed_anew_once(store: &Store) {
    let (ours, theirs) = ready(store).await;
    for number in 1..=3 {
        fill(store.instance(if number == 2 { &theirs } else { &ours }), number).await;
    }
    let all = found(store, 2).await;
    assert_eq!(all.len(), 12, "{all:?}");
    assert_eq!(found(store, 100).await, all);
    // The same step twice, as of two servers at once.
    let step: Vec<_> = all.into_iter().map(anew).collect();
    store.reseal(step.clone(), far()).await.unwrap();
    store.reseal(step, far()).await.unwrap();
    assert_eq!(found(store, 100).await, []);
    let uses = store.key_uses(NOW, far()).await.unwrap();
    assert!(uses.iter().all(|used| used.key_id == key('b')), "{uses:?}");
    // Nothing else of a row moved.
    let loaded = store.instance(&ours).webhook_endpoint(&"whe_1".into(), far()).await.unwrap().unwrap();
    let expected = WebhookEndpoint {
        secret: sealed_with('b', "whe_1"),
        former_secret: Some(sealed_with('b', "former")),
        ..endpoint("whe_1")
    };
    assert_eq!(loaded, expected);
    // A former secret that signs no more is of no use.
    execute(store, &format!("UPDATE webhook_endpoints SET former_secret = '{}:x'", key('a'))).await;
    let (place, b) = (SealedIn::FormerWebhookSecrets, key('b'));
    let later = store.sealed_with_others(place, &b, None, 100, NOW.plus_ms(5), far());
    assert_eq!(later.await.unwrap(), []);
}

pub(super) async fn text_that_was_changed_or_erased_meanwhile_is_left_alone(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    let message = fill(scoped, 1).await;
    let seen = found(store, 100).await;
    assert_eq!(seen.len(), 4);
    // The message goes out, the code of the event is erased, and the endpoint gets another secret.
    assert!(scoped.claim_message(&message, "test", NOW, NOW.plus_ms(1), far()).await.unwrap());
    assert!(
        scoped.finish_message(&message.id, 1, &outcome(MessageState::Accepted), NOW, far()).await.unwrap()
    );
    store.erase_sealed_events(NOW.plus_ms(1), far()).await.unwrap();
    let before = scoped.webhook_endpoint(&"whe_1".into(), far()).await.unwrap().unwrap();
    let mut after = before.clone();
    after.former_secret = Some(std::mem::replace(&mut after.secret, sealed_with('a', "rotated")));
    after.updated_at = NOW.plus_ms(1);
    assert!(change_endpoint(scoped, &before, Some(&after)).await);
    let untouched = dump(store).await;
    store.reseal(seen.into_iter().map(anew).collect(), far()).await.unwrap();
    assert_eq!(dump(store).await, untouched);
    // And the other way round: who changes an endpoint that was sealed anew meanwhile has to look again.
    let sealed: Vec<_> = found(store, 100).await.into_iter().map(anew).collect();
    store.reseal(sealed, far()).await.unwrap();
    let again = WebhookEndpoint { updated_at: NOW.plus_ms(2), ..after.clone() };
    assert!(!change_endpoint(scoped, &after, Some(&again)).await);
}
