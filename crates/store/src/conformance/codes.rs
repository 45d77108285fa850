//! Codes, what is remembered of numbers, limits, and messages.

use super::another_handle;
use super::support::*;
use crate::changes::PLACES_OF_INSTANCE;
use crate::retention::AgeCursor;
use crate::{
    Change, Conflict, Counted, Message, MessageOutcome, MessageState, Scoped, Store, StoreError, WindowWrite,
    Write,
};
use verger_core::WebhookEndpoint;
use verger_core::user::IdentificationStatus;
use verger_core::verification::{Attempt, FAILURES_MAX, TRIES_MAX};
use verger_core::{
    CodeDigest, Identification, IdentifierKind, PendingCode, Refusal, User, Verification, VerificationWindow,
};
use verger_wire::{IdentificationId, InstanceId, MessageId, UnixMillis, VerificationId};

const TASKS: usize = 16;
/// The longest that a message waits.
const LONGEST_MS: i64 = 600_000;

fn digest(binding: &str, code: &str) -> CodeDigest {
    CodeDigest { key_id: "key".to_owned(), digest: format!("{binding}\n{code}") }
}

fn code_write(
    before: &User,
    after: &User,
    id: &IdentificationId,
    window: (&VerificationWindow, &VerificationWindow),
) -> Write {
    let held = before.identification(id).unwrap();
    Write {
        changes: vec![Change { before: Some(before.clone()), after: Some(after.clone()) }.into()],
        windows: vec![WindowWrite {
            kind: held.identifier.kind(),
            identifier: held.identifier.as_str().to_owned(),
            before: window.0.clone(),
            after: window.1.clone(),
        }],
        ..Write::at(NOW)
    }
}

/// A user with one number, who waits for a code.
pub(super) async fn pending(scoped: Scoped<'_>, at: usize) -> (User, IdentificationId, VerificationId) {
    let user = new_user(vec![(phone(at), IdentificationStatus::Unverified)], &mut env());
    create_all(scoped, std::slice::from_ref(&user)).await;
    let id = user.identifications[0].id.clone();
    let verification = prepare(scoped, &id, NOW).await.unwrap();
    (user, id, verification)
}

async fn prepare(
    scoped: Scoped<'_>,
    id: &IdentificationId,
    now: UnixMillis,
) -> Result<VerificationId, StoreError> {
    let found = scoped.load_for_code(id, far()).await?.unwrap();
    let mut env = env();
    env.now = now;
    let user = &found.loaded.user;
    let prepared =
        user.prepare_verification(id, &found.window, &found.loaded.claims, digest, &mut env).unwrap();
    let after = &prepared.change.user;
    scoped.save(&code_write(user, after, id, (&found.window, &prepared.window)), far()).await?;
    Ok(newest(after, id).id.clone())
}

fn newest<'a>(user: &'a User, id: &IdentificationId) -> &'a PendingCode {
    user.identification(id).unwrap().pending_code.as_ref().unwrap()
}

/// Counts a try as the server does; `None` if it was not looked at.
async fn count_try(
    scoped: Scoped<'_>,
    id: &IdentificationId,
    tried: &VerificationId,
) -> Option<(User, VerificationWindow)> {
    loop {
        let found = scoped.load_for_attempt(id, tried, far()).await.unwrap().unwrap();
        let verification = found.tried.as_ref().unwrap();
        let user = &found.loaded.user;
        let begun = user.begin_attempt(id, verification, &found.window, &found.loaded.claims, &env());
        let (change, window) = match begun {
            Ok(Attempt::Counted { change, window }) => (change, window),
            Ok(Attempt::Ended(_)) | Err(Refusal::AlreadyVerified) => return None,
            Err(refusal) => panic!("{refusal:?}"),
        };
        match scoped.save(&code_write(user, &change.user, id, (&found.window, &window)), far()).await {
            Ok(()) => return Some((change.user, window)),
            Err(StoreError::Conflict(Conflict::Stale)) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Accepts the code; `false` if somebody else had it accepted.
async fn accept(scoped: Scoped<'_>, id: &IdentificationId, tried: &VerificationId) -> bool {
    loop {
        let found = scoped.load_for_code(id, far()).await.unwrap().unwrap();
        let user = &found.loaded.user;
        let accepted = user.accept_code(id, tried, &found.window, &found.loaded.claims, &env());
        let (change, window) = match accepted {
            Ok(accepted) => accepted,
            Err(Refusal::AlreadyVerified) => return false,
            Err(refusal) => panic!("{refusal:?}"),
        };
        match scoped.save(&code_write(user, &change.user, id, (&found.window, &window)), far()).await {
            Ok(()) => return true,
            Err(StoreError::Conflict(Conflict::Stale)) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    }
}

pub(super) async fn code_and_window_load_as_they_were_saved(store: &Store) {
    let (ours, theirs) = ready(store).await;
    let scoped = store.instance(&ours);
    let (_, id, first) = pending(scoped, 1).await;
    let found = scoped.load_for_code(&id, far()).await.unwrap().unwrap();
    assert_eq!(found.window, VerificationWindow { version: 1, failures: vec![], sent_at: Some(NOW) });
    let code = newest(&found.loaded.user, &id).clone();
    assert_eq!(code.id, first);
    assert_eq!(scoped.load_verification(&id, &first, far()).await.unwrap().as_ref(), Some(&code));
    assert_eq!(scoped.load_user(&found.loaded.user.id, far()).await.unwrap().unwrap(), found.loaded.user);

    for at in 1..=3 {
        let (user, window) = count_try(scoped, &id, &first).await.unwrap();
        assert_eq!((newest(&user, &id).attempts, window.failures.len()), (at, usize::try_from(at).unwrap()));
        let found = scoped.load_for_code(&id, far()).await.unwrap().unwrap();
        assert_eq!((found.loaded.user, found.window), (user, window));
    }
    let later = NOW.plus_ms(30_000);
    let second = prepare(scoped, &id, later).await.unwrap();
    let found = scoped.load_for_code(&id, far()).await.unwrap().unwrap();
    assert_eq!(found.window.failures, vec![NOW; 3], "a new code keeps the failures");
    assert_eq!(found.window.sent_at, Some(later));
    assert_eq!(newest(&found.loaded.user, &id).id, second);
    let former = scoped.load_verification(&id, &first, far()).await.unwrap().unwrap();
    assert_eq!((former.attempts, former.id), (3, first.clone()));

    // The window is of the number, not of the user.
    let other = new_user(vec![(phone(1), IdentificationStatus::Unverified)], &mut env());
    create_all(scoped, std::slice::from_ref(&other)).await;
    let other_id = &other.identifications[0].id;
    let other_found = scoped.load_for_code(other_id, far()).await.unwrap().unwrap();
    assert_eq!(other_found.window, found.window);
    // A code is of one identification, in one instance.
    let attempt = async |scoped: Scoped<'_>, of: &IdentificationId, tried: &VerificationId| {
        scoped.load_for_attempt(of, tried, far()).await.unwrap()
    };
    let tried = attempt(scoped, &id, &first).await.unwrap();
    assert_eq!((tried.tried.unwrap().id, tried.loaded.user), (first.clone(), found.loaded.user.clone()));
    assert_eq!(attempt(scoped, other_id, &second).await.unwrap().tried, None);
    assert!(attempt(store.instance(&theirs), &id, &second).await.is_none());
    assert_eq!(scoped.load_verification(other_id, &second, far()).await.unwrap(), None);
    let elsewhere = store.instance(&theirs);
    assert_eq!(elsewhere.load_verification(&id, &second, far()).await.unwrap(), None);
    assert!(elsewhere.load_for_code(&id, far()).await.unwrap().is_none());

    assert!(count_try(scoped, &id, &second).await.is_some());
    assert!(accept(scoped, &id, &second).await);
    let found = scoped.load_for_code(&id, far()).await.unwrap().unwrap();
    assert_eq!(found.window.failures, vec![]);
    let held = found.loaded.user.identification(&id).unwrap();
    // Whoever tried it has a clock that is behind.
    let expire_at = NOW.plus_ms(600_000);
    assert_eq!(held.verification, Verification::VerifiedByCode { at: NOW, attempts: 1, expire_at });
    assert_eq!(newest(&found.loaded.user, &id).verified_at, Some(NOW));
    // Removed by a ban, it is still there for whoever names it.
    let user = &found.loaded.user;
    let unverified = user.set_banned(true, &mut env()).user;
    scoped.save(&write(Some(user), Some(&unverified), &mut env()), far()).await.unwrap();
    assert!(scoped.load_verification(&id, &second, far()).await.unwrap().is_some());
}

/// Row 7 of the flaws: two requests with one right code must not both succeed.
pub(super) async fn flaw_07_code_is_accepted_exactly_once(store: &Store) {
    let (ours, _) = ready(store).await;
    let other = another_handle(store).unwrap();
    let stores = [store, &other];
    for round in 0..10 {
        let (_, id, tried) = pending(store.instance(&ours), round).await;
        let (id, tried, ours) = (&id, &tried, &ours);
        count_try(store.instance(ours), id, tried).await.unwrap();
        let won =
            in_parallel(TASKS, |at| async move { accept(stores[at % 2].instance(ours), id, tried).await });
        assert_eq!(won.iter().filter(|won| **won).count(), 1, "round {round}");
        let found = store.instance(ours).load_for_code(id, far()).await.unwrap().unwrap();
        assert_eq!(newest(&found.loaded.user, id).attempts, 1);
    }
}

/// Rows 4 and 9: whoever comes, each try is counted once and none beyond the cap.
pub(super) async fn flaw_04_flaw_09_every_try_is_counted_once_and_none_beyond_the_cap(store: &Store) {
    let (ours, _) = ready(store).await;
    let other = another_handle(store).unwrap();
    let stores = [store, &other];
    for round in 0..5 {
        let (_, id, tried) = pending(store.instance(&ours), round).await;
        let (id, tried, ours) = (&id, &tried, &ours);
        let counted = in_parallel(TASKS, |at| async move {
            count_try(stores[at % 2].instance(ours), id, tried).await.is_some()
        });
        let counted = counted.iter().filter(|counted| **counted).count();
        let found = store.instance(ours).load_for_code(id, far()).await.unwrap().unwrap();
        assert_eq!(counted, usize::try_from(TRIES_MAX).unwrap(), "round {round}");
        assert_eq!(newest(&found.loaded.user, id).attempts, TRIES_MAX);
        assert_eq!(found.window.failures.len(), counted);
    }
    // Two users, one number: their tries meet in the window.
    let users: Vec<_> =
        (0..4).map(|_| new_user(vec![(phone(90), IdentificationStatus::Unverified)], &mut env())).collect();
    create_all(store.instance(&ours), &users).await;
    let mut pending = Vec::new();
    for (at, user) in users.iter().enumerate() {
        let id = user.identifications[0].id.clone();
        let now = NOW.plus_ms(i64::try_from(at).unwrap() * 30_000);
        pending.push((prepare(store.instance(&ours), &id, now).await.unwrap(), id));
    }
    let (pending, ours) = (&pending, &ours);
    let counted = in_parallel(TASKS, |at| async move {
        let (tried, id) = &pending[at % 4];
        count_try(stores[at % 2].instance(ours), id, tried).await.is_some()
    });
    let found = store.instance(ours).load_for_code(&pending[0].1, far()).await.unwrap().unwrap();
    assert_eq!(counted.iter().filter(|counted| **counted).count(), FAILURES_MAX);
    assert_eq!(found.window.failures.len(), FAILURES_MAX);
}

pub(super) async fn stale_window_changes_nothing(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    let user = new_user(vec![(phone(1), IdentificationStatus::Unverified)], &mut env());
    create_all(scoped, std::slice::from_ref(&user)).await;
    let window = |version| VerificationWindow { version, failures: vec![NOW], sent_at: None };
    let banned = user.set_banned(true, &mut env()).user;
    let id = &user.identifications[0].id;
    let first = code_write(&user, &banned, id, (&window(0), &window(1)));
    scoped.save(&first, far()).await.unwrap();
    let unbanned = banned.set_banned(false, &mut env()).user;
    let before = dump(store).await;
    for stale in [0, 2] {
        let stale = code_write(&banned, &unbanned, id, (&window(stale), &window(stale + 1)));
        assert_eq!(conflict(scoped.save(&stale, far()).await), Conflict::Stale);
        assert_eq!(dump(store).await, before);
    }
    let next = code_write(&banned, &unbanned, id, (&window(1), &window(2)));
    scoped.save(&next, far()).await.unwrap();
}

fn counted(scope: &'static str, subject: &str, add: i64, limit: Option<i64>) -> Counted {
    Counted { scope, subject: subject.to_owned(), period_start: NOW, add, limit }
}

pub(super) async fn limits_hold_under_races(store: &Store) {
    let (ours, theirs) = ready(store).await;
    let other = another_handle(store).unwrap();
    let stores = [store, &other];
    let ours = &ours;
    for limit in [1, 7, 40] {
        let subject = &format!("limit {limit}");
        let fitted = in_parallel(TASKS, |at| async move {
            let mut fitted = 0;
            for _ in 0..4 {
                let write =
                    Write { counted: vec![counted("user", subject, 1, Some(limit))], ..Write::at(NOW) };
                match stores[at % 2].instance(ours).save(&write, far()).await {
                    Ok(()) => fitted += 1,
                    refused => assert_eq!(conflict(refused), Conflict::LimitReached("user")),
                }
            }
            fitted
        });
        assert_eq!(fitted.iter().sum::<i64>(), limit);
        let sum = store.instance(ours).counted_since("user", subject, NOW, far()).await.unwrap();
        assert_eq!(sum, limit);
    }
    let scoped = store.instance(ours);
    let save = async |all: Vec<Counted>| scoped.save(&Write { counted: all, ..Write::at(NOW) }, far()).await;
    // Money does not come in ones.
    save(vec![counted("spent", "", 60, Some(100))]).await.unwrap();
    let refused = save(vec![counted("sent", "US", 1, None), counted("spent", "", 41, Some(100))]).await;
    assert_eq!(conflict(refused), Conflict::LimitReached("spent"));
    assert_eq!(scoped.counted_since("sent", "US", NOW, far()).await.unwrap(), 0, "all or nothing");
    save(vec![counted("spent", "", 40, Some(100))]).await.unwrap();
    // Periods are added up from the one that is asked for.
    for (days, add) in [(-3, 1), (-2, 10), (-1, 100), (0, 1_000)] {
        let period_start = NOW.plus_ms(days * 86_400_000);
        save(vec![Counted { period_start, ..counted("sent", "DE", add, None) }]).await.unwrap();
    }
    let since = NOW.plus_ms(-2 * 86_400_000);
    assert_eq!(scoped.counted_since("sent", "DE", since, far()).await.unwrap(), 1_110);
    let elsewhere = store.instance(&theirs);
    assert_eq!(elsewhere.counted_since("sent", "DE", since, far()).await.unwrap(), 0);
}

pub(super) fn message(id: &str, held: &Identification, user: &User) -> Message {
    Message {
        id: MessageId::from(id),
        channel: "sms".to_owned(),
        user_id: user.id.clone(),
        identification_id: held.id.clone(),
        verification_id: VerificationId::from("ver_1"),
        recipient: "+1***00".to_owned(),
        sealed: Some("sealed ✓".to_owned()),
        state: MessageState::Queued,
        tries: 0,
        due_at: NOW,
        give_up_at: NOW.plus_ms(600_000),
        sender: None,
        provider_id: None,
        reason: None,
        created_at: NOW,
        updated_at: NOW,
    }
}

async fn queue(scoped: Scoped<'_>, ids: &[String]) -> Vec<Message> {
    let user = new_user(vec![(phone(1), IdentificationStatus::Unverified)], &mut env());
    create_all(scoped, std::slice::from_ref(&user)).await;
    let messages: Vec<_> = ids.iter().map(|id| message(id, &user.identifications[0], &user)).collect();
    scoped.save(&Write { messages: messages.clone(), ..Write::at(NOW) }, far()).await.unwrap();
    messages
}

pub(super) fn outcome(state: MessageState) -> MessageOutcome {
    MessageOutcome {
        state,
        due_at: NOW.plus_ms(5),
        sender: "twilio".to_owned(),
        provider_id: Some("SM1".to_owned()),
        reason: Some("because".to_owned()),
    }
}

pub(super) async fn flaw_31_message_is_claimed_once(store: &Store) {
    let (ours, _) = ready(store).await;
    let other = another_handle(store).unwrap();
    let stores = [store, &other];
    let ids: Vec<_> = (0..10).map(|at| format!("sms_{at}")).collect();
    let messages = &queue(store.instance(&ours), &ids).await;
    let ours = &ours;
    for message in messages {
        let won = in_parallel(TASKS, |at| async move {
            let scoped = stores[at % 2].instance(ours);
            scoped.claim_message(message, "test", NOW, NOW.plus_ms(90_000), far()).await.unwrap()
        });
        assert_eq!(won.iter().filter(|won| **won).count(), 1);
    }
}

pub(super) async fn message_is_wanted_for_as_long_as_its_code(store: &Store) {
    let (ours, theirs) = ready(store).await;
    let scoped = store.instance(&ours);
    let (user, id, first) = pending(scoped, 1).await;
    let of = |verification: &VerificationId| Message {
        verification_id: verification.clone(),
        ..message("sms_1", &user.identifications[0], &user)
    };
    let wanted = async |verification| scoped.is_code_wanted(&of(verification), far()).await.unwrap();
    assert!(wanted(&first).await);
    assert!(!store.instance(&theirs).is_code_wanted(&of(&first), far()).await.unwrap());
    let second = prepare(scoped, &id, NOW.plus_ms(60_000)).await.unwrap();
    assert_eq!((wanted(&first).await, wanted(&second).await), (false, true));
    execute(store, "DELETE FROM identifications").await;
    assert!(!wanted(&second).await);
}

pub(super) async fn message_goes_its_way_and_loses_its_text(store: &Store) {
    let (ours, theirs) = ready(store).await;
    let scoped = store.instance(&ours);
    let written = queue(scoped, &["sms_1".to_owned(), "sms_2".to_owned()]).await;
    let read = async |id: &str| scoped.message(&MessageId::from(id), far()).await.unwrap().unwrap();
    assert_eq!([read("sms_1").await, read("sms_2").await], written[..]);
    let found = store.message_anywhere(&written[0].id, far()).await.unwrap();
    assert_eq!(found, Some((ours.clone(), written[0].clone())));
    assert_eq!(store.instance(&theirs).message(&written[0].id, far()).await.unwrap(), None);
    assert!(!store.instance(&theirs).claim_message(&written[0], "test", NOW, NOW, far()).await.unwrap());

    let due = async |state, now| -> Vec<String> {
        let due = store.due_messages(state, "sms", now, LONGEST_MS, 10, far()).await.unwrap();
        due.into_iter().map(|(_, message)| message.id.to_string()).collect()
    };
    let lease = NOW.plus_ms(90_000);
    assert_eq!(due(MessageState::Queued, NOW.plus_ms(-1)).await, Vec::<String>::new());
    assert_eq!(due(MessageState::Queued, NOW).await.len(), 2);
    assert_eq!(
        store.due_messages(MessageState::Queued, "email", NOW, LONGEST_MS, 10, far()).await.unwrap(),
        vec![]
    );
    assert!(scoped.claim_message(&written[0], "test", NOW, lease, far()).await.unwrap());
    assert_eq!(due(MessageState::Queued, NOW).await, ["sms_2"]);
    assert_eq!(due(MessageState::Sending, lease.plus_ms(-1)).await, Vec::<String>::new());
    assert_eq!(due(MessageState::Sending, lease).await, ["sms_1"]);

    // Only who has the claim says what became of it.
    let id = &written[0].id;
    for tries in [0, 2] {
        let finished = scoped.finish_message(id, tries, &outcome(MessageState::Accepted), NOW, far()).await;
        assert!(!finished.unwrap());
    }
    assert!(scoped.finish_message(id, 1, &outcome(MessageState::Queued), NOW, far()).await.unwrap());
    let again = read("sms_1").await;
    assert_eq!((again.state, again.tries, again.due_at), (MessageState::Queued, 1, NOW.plus_ms(5)));
    assert_eq!(again.sealed, written[0].sealed, "it is needed once more");
    assert!(
        !scoped.claim_message(&written[0], "test", NOW, lease, far()).await.unwrap(),
        "an old sight of it"
    );
    assert!(scoped.claim_message(&again, "test", NOW, lease, far()).await.unwrap());
    assert!(scoped.finish_message(id, 2, &outcome(MessageState::Accepted), NOW, far()).await.unwrap());
    assert!(!scoped.finish_message(id, 2, &outcome(MessageState::Failed), NOW, far()).await.unwrap());
    let accepted = read("sms_1").await;
    assert_eq!((accepted.state, &accepted.sealed), (MessageState::Accepted, &None));
    assert_eq!(accepted.provider_id.as_deref(), Some("SM1"));
    for state in [MessageState::Failed, MessageState::Unknown, MessageState::Delivered] {
        let id = format!("sms_{state:?}");
        let message = &queue(scoped, std::slice::from_ref(&id)).await[0];
        assert!(scoped.claim_message(message, "test", NOW, lease, far()).await.unwrap());
        assert!(scoped.finish_message(&message.id, 1, &outcome(state), NOW, far()).await.unwrap());
        assert_eq!((read(&id).await.state, read(&id).await.sealed), (state, None));
    }
    // A report is written once, and only on the state that it was decided on.
    let report = async |seen: &Message, state| {
        let told = MessageOutcome { provider_id: Some("SM2".to_owned()), ..outcome(state) };
        scoped.report_message(seen, &told, NOW.plus_ms(9), far()).await.unwrap()
    };
    assert!(report(&accepted, MessageState::Delivered).await);
    assert!(!report(&accepted, MessageState::Failed).await);
    assert_eq!(read("sms_1").await.state, MessageState::Delivered);
    // One that overtakes the sender's own answer is all that is heard of it.
    let overtaken = &queue(scoped, &["sms_early".to_owned()]).await[0];
    assert!(scoped.claim_message(overtaken, "test", NOW, lease, far()).await.unwrap());
    assert!(report(&read("sms_early").await, MessageState::Accepted).await);
    assert!(
        !scoped.finish_message(&overtaken.id, 1, &outcome(MessageState::Accepted), NOW, far()).await.unwrap()
    );
    let early = read("sms_early").await;
    assert_eq!((early.state, early.sealed), (MessageState::Accepted, None));
    assert_eq!((early.sender.is_some(), early.provider_id.as_deref()), (true, Some("SM2")));
    assert_eq!(scoped.messages(Some(&written[0].identification_id), 10, far()).await.unwrap().len(), 2);
    assert_eq!(scoped.messages(None, 3, far()).await.unwrap().len(), 3);
}

pub(super) async fn sweep_removes_what_nobody_asks_for(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    let (_, id, first) = pending(scoped, 1).await;
    let second = prepare(scoped, &id, NOW.plus_ms(30_000)).await.unwrap();
    let (_, late_id, _) = pending(scoped, 2).await;
    let late = prepare(scoped, &late_id, NOW.plus_ms(100_000)).await.unwrap();
    let mut rows = vec![counted("user", "old", 1, None), counted("user", "new", 1, None)];
    rows[1].period_start = NOW.plus_ms(60_000);
    scoped.save(&Write { counted: rows, ..Write::at(NOW) }, far()).await.unwrap();
    let messages = queue(scoped, &["sms_old".to_owned(), "sms_waits".to_owned()]).await;
    assert!(scoped.claim_message(&messages[0], "test", NOW, NOW, far()).await.unwrap());
    let done = outcome(MessageState::Accepted);
    assert!(scoped.finish_message(&messages[0].id, 1, &done, NOW, far()).await.unwrap());

    let before = dump(store).await;
    sweep_codes(store, NOW).await;
    assert_eq!(dump(store).await, before, "nothing is older than the moment");
    sweep_codes(store, NOW.plus_ms(60_000)).await;
    let verifications = select(store, "SELECT id FROM verifications").await;
    let mut left: Vec<_> = verifications.iter().map(|row| text(&row[0])).collect();
    left.sort_unstable();
    let mut kept = [second.as_str(), late.as_str()];
    kept.sort_unstable();
    assert_eq!(left, kept, "the newest of a number stays, however old");
    assert_eq!(scoped.load_verification(&id, &first, far()).await.unwrap(), None);
    let windows = select(store, "SELECT identifier FROM verification_windows").await;
    assert_eq!(windows.len(), 1, "{windows:?}");
    assert_eq!(text(&windows[0][0]), phone(2).as_str());
    let counters = select(store, "SELECT subject FROM send_counters").await;
    assert_eq!(counters.iter().map(|row| text(&row[0])).collect::<Vec<_>>(), ["new"]);
    let messages = select(store, "SELECT id FROM messages").await;
    assert_eq!(messages.iter().map(|row| text(&row[0])).collect::<Vec<_>>(), ["sms_waits"]);
    // A number whose window is gone begins anew.
    let found = scoped.load_for_code(&id, far()).await.unwrap().unwrap();
    assert_eq!(found.window, VerificationWindow::default());
    prepare(scoped, &id, NOW.plus_ms(90_000)).await.unwrap();
}

async fn sweep_codes(store: &Store, before: UnixMillis) {
    let mut after = AgeCursor::default();
    while store.sweep_codes(before, &mut after, far()).await.unwrap() {}
    while store.sweep_counters(before, far()).await.unwrap() {}
    while store.sweep_windows(before, far()).await.unwrap() {}
    let mut after = AgeCursor::default();
    while store.sweep_messages(before, &mut after, far()).await.unwrap() {}
}

/// One row at least in every table of an instance.
async fn fill(store: &Store, instance: &InstanceId) {
    let scoped = store.instance(instance);
    pending(scoped, 1).await;
    let user = new_user(vec![(phone(2), IdentificationStatus::Verified)], &mut env());
    let env = &mut env();
    let write = Write {
        answer: Some(answer("key")),
        counted: vec![counted("user", "x", 1, None)],
        messages: vec![message(&format!("sms_{instance}"), &user.identifications[0], &user)],
        ..write(None, Some(&user), env)
    };
    scoped.save(&write, far()).await.unwrap();
    for (table, values) in [
        ("webhook_endpoints", "'we_1', 'u', 'e', 's', NULL, NULL, NULL, NULL, NULL, NULL, 1, 1"),
        ("webhook_deliveries", "'we_1', 'evt_1', 'k', 'u', 1, 'waiting', 0, 0, 1, NULL, 1, 1"),
        ("webhook_attempts", "'we_1', 'evt_1', 1, 200, NULL, 1, '', 1"),
        ("webhook_removals", "'we_2', 1"),
        ("audit_log", "1, 'evt_1', 'k', 'u', 1, '{}', 'a', 'b'"),
        (
            "audit_ends (instance_id, first_number, first_previous_hash, last_number, last_hash)",
            "1, 'a', 1, 'b'",
        ),
        ("changes_unread", "'id', 1, 'user', 'user.updated', 'u', 1, 1, '{}', '{}', 's', 'd', NULL"),
        ("event_cursors", "1, 0"),
        ("instance_settings", "1, '{}', 1"),
        (
            "signing_keys (instance_id, id, public_key, private_key, created_at, signs_at)",
            "'KEY', 'p', 'x', 1, 1",
        ),
        ("frontend_hosts (instance_id, host, id, place, created_at)", "'KEY.example.com', 'dmn_1', 1, 1"),
        ("access_entries", "'blid_1', 'block', 'email_address', 'a@example.com', NULL, 1, 1"),
        ("redirect_urls", "'ru_1', 'https://example.com/', 1, 1"),
        ("invitations", "'inv_1', 1, 'a@example.com', 'KEY', '{}', NULL, 'open', 2, 1, 1"),
        (
            "clients (instance_id, id, version, secret, secret_issued_at, replaced, signed_at, created_at, updated_at)",
            "'client_1', 1, 's', 1, '[]', 1, 1, 1",
        ),
        ("client_secrets", "'KEY', 'client_1'"),
        (
            "sessions",
            "'sess_1', 1, 'u', 'client_1', 'backend_api', NULL, 0, 1, NULL, NULL, NULL, NULL, 1, NULL, 2, 2, 1, 1",
        ),
        ("refresh_tokens", "'d', 'sess_1', 'o', 1"),
        ("refreshed_tokens", "'d', 'sess_1', 's', 1, 2"),
        ("jwt_templates", "'jtmp_1', 1, 'n', '{}', 60, 5, NULL, NULL, 1, 1"),
        ("tickets", "'sit_1', 1, 'sign_in', 'u', 'KEY', 'open', NULL, NULL, 2, 1, 1"),
        ("credentials", "'u', 'p', 1, NULL, 't', 1, 1, 'c', 1, 1, NULL, 1"),
        ("guess_windows", "'u', 'password', '', 1, '1', 1"),
    ] {
        let values = values.replace("KEY", instance.as_str());
        execute(store, &format!("INSERT INTO {table} VALUES ('{instance}', {values})")).await;
    }
    // Places that are the instance's own.
    let base = if instance.as_str() == "ins_ours" { 0 } else { PLACES_OF_INSTANCE };
    execute(store, &format!("UPDATE audit_ends SET base = {base} WHERE instance_id = '{instance}'")).await;
    let values = "1, 'user', 'user.updated', 'u', 1, 1, '{}', '{}', 's', 'd', NULL, 'k', 'h'";
    execute(store, &format!("INSERT INTO changes VALUES ({}, {values})", base + 1)).await;
}

pub(super) async fn reset_empties_one_instance(store: &Store) {
    let (ours, theirs) = ready(store).await;
    fill(store, &theirs).await;
    let theirs_alone = dump(store).await;
    fill(store, &ours).await;
    for (table, rows) in dump(store).await {
        if crate::instances::TENANT_TABLES.contains(&table.as_str()) {
            assert!(rows.len() > theirs_alone[&table].len(), "{table} is not put to the test");
        }
    }
    store.instance(&ours).reset(far()).await.unwrap();
    // Numbers go on, and an empty trail is whole.
    let kept = format!("SELECT first_number, last_number FROM audit_ends WHERE instance_id = '{ours}'");
    let kept = select(store, &kept).await;
    assert_eq!(kept, [[crate::db::Value::Int(2), crate::db::Value::Int(1)]]);
    let verdict = store.instance(&ours).verify_audit_log(std::time::Duration::from_secs(10)).await.unwrap();
    let crate::AuditVerdict::Whole { rows: 0, last_hash, .. } = verdict else { panic!("{verdict:?}") };
    assert_eq!(last_hash, "b");
    let cursor = format!("SELECT first_number, fanned_out FROM event_cursors WHERE instance_id = '{ours}'");
    assert_eq!(select(store, &cursor).await, [[crate::db::Value::Int(2), crate::db::Value::Int(1)]]);
    // What clients are configured with stays too.
    for table in ["audit_ends", "event_cursors", "signing_keys", "frontend_hosts"] {
        let kept = format!("SELECT instance_id FROM {table} WHERE instance_id = '{ours}'");
        assert_eq!(select(store, &kept).await.len(), 1, "{table}");
        execute(store, &format!("DELETE FROM {table} WHERE instance_id = '{ours}'")).await;
    }
    assert_eq!(dump(store).await, theirs_alone);
    assert_eq!(store.instances(far()).await.unwrap().len(), 2);
    fill(store, &ours).await;
}

/// A new table cannot be forgotten.
pub(super) async fn every_table_of_an_instance_is_known_to_reset(store: &Store) {
    store.migrate(NOW, far()).await.unwrap();
    let mut of_instances = Vec::new();
    for table in crate::schema::names_of_all() {
        let query = format!("SELECT instance_id FROM {table} WHERE instance_id = 'ins_nobody'");
        let has_column =
            store.rows(crate::db::Reach::Scan, crate::db::Query::new(query, vec![]), far()).await.is_ok();
        if has_column && table != "secret_keys" {
            of_instances.push(table.as_str());
        }
    }
    of_instances.sort();
    let mut known = crate::instances::TENANT_TABLES.to_vec();
    known.sort_unstable();
    assert_eq!(of_instances, known);
    assert!(known.len() >= 9);
}

/// Row 22: what was counted stays counted although the request that counted it came to nothing.
pub(super) async fn flaw_22_counted_try_survives_a_failed_request(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    let (_, id, tried) = pending(scoped, 1).await;
    let (counted_user, window) = count_try(scoped, &id, &tried).await.unwrap();
    // The second write of the request is refused.
    let found = scoped.load_for_code(&id, far()).await.unwrap().unwrap();
    let accepted = counted_user.accept_code(&id, &tried, &window, &found.loaded.claims, &env()).unwrap();
    let mut write = code_write(&counted_user, &accepted.0.user, &id, (&window, &accepted.1));
    write.counted = vec![counted("verified", "", 1, None), counted("spent", "", 1, Some(0))];
    scoped
        .save(&Write { counted: vec![counted("spent", "", 1, None)], ..Write::at(NOW) }, far())
        .await
        .unwrap();
    assert_eq!(conflict(scoped.save(&write, far()).await), Conflict::LimitReached("spent"));
    let after = scoped.load_for_code(&id, far()).await.unwrap().unwrap();
    assert_eq!((&after.loaded.user, &after.window), (&counted_user, &window));
    assert_eq!(newest(&after.loaded.user, &id).attempts, 1);
    assert_eq!(IdentifierKind::PhoneNumber, after.loaded.user.identifications[0].identifier.kind());
}

pub(super) async fn keys_in_use_are_counted_until_nothing_needs_them(store: &Store) {
    let (ours, theirs) = ready(store).await;
    let id = |n: char| n.to_string().repeat(16);
    let uses = async |now: UnixMillis| {
        let uses = store.key_uses(now, far()).await.unwrap();
        uses.into_iter().map(|used| (used.key_id, used.what, used.count)).collect::<Vec<_>>()
    };
    assert_eq!(uses(NOW).await, []);
    let (_, first, tried) = pending(store.instance(&ours), 1).await;
    pending(store.instance(&theirs), 2).await;
    assert_eq!(uses(NOW.plus_ms(599_999)).await, [("key".to_owned(), "codes", 2)]);
    assert_eq!(uses(NOW.plus_ms(600_000)).await, []);
    count_try(store.instance(&ours), &first, &tried).await.unwrap();
    assert!(accept(store.instance(&ours), &first, &tried).await);
    let codes = ("key".to_owned(), "codes", 1);
    assert_eq!(uses(NOW).await, std::slice::from_ref(&codes));

    // Messages, until they are handed over.
    let scoped = store.instance(&ours);
    let user = new_user(vec![(phone(3), IdentificationStatus::Unverified)], &mut env());
    let message = |n: char| Message {
        sealed: Some(format!("{}:x", id(n))),
        ..message(&format!("sms_{n}"), &user.identifications[0], &user)
    };
    let messages = vec![message('a'), message('b'), Message { sealed: None, ..message('c') }];
    scoped.save(&Write { messages: messages.clone(), ..Write::at(NOW) }, far()).await.unwrap();
    assert_eq!(uses(NOW).await, [(id('a'), "messages", 1), (id('b'), "messages", 1), codes.clone()]);
    assert!(scoped.claim_message(&messages[0], "test", NOW, NOW.plus_ms(1), far()).await.unwrap());
    assert!(
        scoped.finish_message(&messages[0].id, 1, &outcome(MessageState::Failed), NOW, far()).await.unwrap()
    );
    // Secrets of endpoints, the former one while it signs.
    let endpoint = WebhookEndpoint {
        secret: format!("{}:x", id('d')),
        former_secret: Some(format!("{}:y", id('e'))),
        former_expires_at: Some(NOW.plus_ms(5)),
        ..super::fixtures::endpoint("whe_1")
    };
    add_endpoint(scoped, &endpoint).await;
    let [b, d, e] =
        [(id('b'), "messages", 1), (id('d'), "webhook secrets", 1), (id('e'), "webhook secrets", 1)];
    assert_eq!(uses(NOW.plus_ms(4)).await, [b.clone(), d.clone(), e, codes.clone()]);
    assert_eq!(uses(NOW.plus_ms(5)).await, [b, d, codes]);
}
