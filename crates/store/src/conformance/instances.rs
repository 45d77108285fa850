//! What belongs to an instance itself: settings, keys that sign, hosts, lists, redirect URLs, invitations.

use super::another_handle;
use super::support::*;
use crate::{
    AnyChange, Change, Conflict, Environment, Instance, InvitationFilter, InvitationOrder, KeySet, Scoped,
    SealedIn, Store, StoreError, StoredSigningKey, Write,
};
use verger_core::access_list::{AccessKind, AccessList, entries_about};
use verger_core::invitation::{InvitationOutcome, InvitationStatus, NewInvitation};
use verger_core::{AccessEntry, FrontendHost, Invitation, RedirectUrl, Settings, SigningKey};
use verger_wire::UnixMillis;

async fn save(scoped: Scoped<'_>, change: impl Into<AnyChange>) -> Result<(), StoreError> {
    scoped.save(&Write { changes: vec![change.into()], ..Write::at(NOW) }, far()).await
}

fn patched(settings: &Settings, patch: &str) -> Settings {
    let patch: serde_json::Map<_, _> = serde_json::from_str(patch).unwrap();
    settings.patch(&patch, NOW).unwrap()
}

pub(super) async fn settings_load_as_they_were_saved_and_stale_ones_change_nothing(store: &Store) {
    let (ours, theirs) = ready(store).await;
    let scoped = store.instance(&ours);
    let before = scoped.settings(far()).await.unwrap();
    assert_eq!(before, Settings::defaults(ours.clone()));
    let first = patched(
        &before,
        r#"{"sessions":{"single":false},"frontend":{"allowed_origins":["https://a.example"]}}"#,
    );
    save(scoped, Change::update(before.clone(), first.clone())).await.unwrap();
    assert_eq!(scoped.settings(far()).await.unwrap(), first);
    // Another one began from the defaults as well.
    let other = patched(&before, r#"{"sign_up":{"mode":"restricted"}}"#);
    assert_eq!(conflict(save(scoped, Change::update(before, other)).await), Conflict::Stale);
    let second = patched(&first, r#"{"sessions":null}"#);
    save(scoped, Change::update(first.clone(), second.clone())).await.unwrap();
    assert_eq!(
        conflict(
            save(scoped, Change::update(first.clone(), first.clone())).await.and(
                save(
                    scoped,
                    Change::update(first.clone(), patched(&first, r#"{"sessions":{"single":true}}"#))
                )
                .await
            )
        ),
        Conflict::Stale
    );
    assert_eq!(scoped.settings(far()).await.unwrap(), second);
    assert_eq!(store.instance(&theirs).settings(far()).await.unwrap(), Settings::defaults(theirs.clone()));
    // A field that a later version has is not this one's affair; a contradiction is damage.
    let write = async |document: &str| {
        let update =
            format!("UPDATE instance_settings SET document = '{document}' WHERE instance_id = '{ours}'");
        execute(store, &update).await;
        scoped.settings(far()).await
    };
    assert!(write(r#"{"sessions":{"later":1},"later":{}}"#).await.is_ok());
    for damaged in [r#"{"attributes":{"phone_number":false}}"#, "{", r#"{"sessions":{"single":5}}"#] {
        let found = write(damaged).await;
        assert!(matches!(found, Err(StoreError::Corrupt { table: "instance_settings", .. })), "{found:?}");
    }
}

fn stored(key: SigningKey) -> StoredSigningKey {
    let private_key = format!("{}:{}", "0".repeat(16), key.id);
    StoredSigningKey { public_key: format!("public {}", key.id), private_key, key }
}

fn set(of: &KeySet, more: StoredSigningKey) -> KeySet {
    let keys = of.keys.iter().cloned().chain([more]).collect();
    KeySet { instance_id: of.instance_id.clone(), keys }
}

pub(super) async fn signing_keys_change_together_and_one_of_many_first_ones_stays(store: &Store) {
    let (ours, theirs) = ready(store).await;
    let other = another_handle(store).unwrap();
    let none = store.instance(&ours).signing_keys(far()).await.unwrap();
    let first = |n: i64| StoredSigningKey {
        public_key: format!("public {n}"),
        ..stored(SigningKey::first(&ours, NOW.plus_ms(n)))
    };
    let tries = (0..8).map(|n| {
        let (after, handle) = (set(&none, first(n)), if n % 2 == 0 { store } else { &other });
        let change = Change::update(none.clone(), after);
        let ours = ours.clone();
        async move { save(handle.instance(&ours), change).await }
    });
    let mut made = 0;
    for outcome in futures_util::future::join_all(tries).await {
        match outcome {
            Ok(()) => made += 1,
            outcome => assert_eq!(conflict(outcome), Conflict::Stale),
        }
    }
    assert_eq!(made, 1);
    let one = store.instance(&ours).signing_keys(far()).await.unwrap();
    assert_eq!(one.keys.len(), 1);
    // Two rotations from the same state: one is stale.
    let now = NOW.plus_ms(20);
    let planned = |id: &str| stored(one.to_core().rotate(id.into(), None, now).unwrap());
    let scoped = store.instance(&ours);
    save(scoped, Change::update(one.clone(), set(&one, planned("ins_b")))).await.unwrap();
    let late = save(other.instance(&ours), Change::update(one.clone(), set(&one, planned("ins_c")))).await;
    assert_eq!(conflict(late), Conflict::Stale);
    let two = scoped.signing_keys(far()).await.unwrap();
    assert_eq!(two, set(&one, planned("ins_b")));
    // A key that is retired loses its private half; whoever began before that is stale.
    let mut retired = two.clone();
    retired.keys[1].key.retired_at = Some(now);
    retired.keys[1].private_key.clear();
    save(scoped, Change::update(two.clone(), retired.clone())).await.unwrap();
    assert_eq!(scoped.signing_keys(far()).await.unwrap(), retired);
    assert_eq!(
        conflict(save(scoped, Change::update(two.clone(), set(&two, planned("ins_d")))).await),
        Conflict::Stale
    );
    // An id is used once, also by another instance.
    let nothing = store.instance(&theirs).signing_keys(far()).await.unwrap();
    let again = set(&nothing, stored(SigningKey { id: "ins_b".into(), ..one.keys[0].key.clone() }));
    let refused = save(store.instance(&theirs), Change::update(nothing.clone(), again)).await;
    assert_eq!(conflict(refused), Conflict::Stale);
    assert_eq!(store.instance(&theirs).signing_keys(far()).await.unwrap(), nothing);
}

/// What a code key sealed is found, and sealed anew without moving what compares the keys.
pub(super) async fn private_halves_are_found_to_be_sealed_again(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    let none = scoped.signing_keys(far()).await.unwrap();
    let one = set(&none, stored(SigningKey::first(&ours, NOW)));
    save(scoped, Change::update(none, one.clone())).await.unwrap();
    let uses = store.key_uses(NOW, far()).await.unwrap();
    assert_eq!(uses.iter().map(|found| (found.what, found.count)).collect::<Vec<_>>(), [("signing keys", 1)]);
    let newest = "1".repeat(16);
    let found = store.sealed_with_others(SealedIn::SigningKeys, &newest, None, 10, NOW, far()).await.unwrap();
    assert_eq!(found.iter().map(|sealed| sealed.id.as_str()).collect::<Vec<_>>(), [ours.as_str()]);
    let resealed = found.into_iter().map(|sealed| (sealed, format!("{newest}:again"))).collect();
    store.reseal(resealed, far()).await.unwrap();
    let again = scoped.signing_keys(far()).await.unwrap();
    assert_eq!(again.keys[0].private_key, format!("{newest}:again"));
    // A rotation that was decided before it goes through, and does not undo it.
    let planned = stored(one.to_core().rotate("ins_b".into(), None, NOW).unwrap());
    save(scoped, Change::update(one.clone(), set(&one, planned.clone()))).await.unwrap();
    assert_eq!(scoped.signing_keys(far()).await.unwrap(), set(&again, planned));
}

pub(super) async fn host_belongs_to_one_instance(store: &Store) {
    let (ours, theirs) = ready(store).await;
    let host = |text: &str| FrontendHost::parse(text).unwrap();
    let (scoped, others) = (store.instance(&ours), store.instance(&theirs));
    for (id, text) in [("dmn_1", "clerk.example.com"), ("dmn_2", "id.example.com:8443")] {
        scoped.add_frontend_host(&id.into(), &host(text), NOW, far()).await.unwrap();
    }
    let taken = others.add_frontend_host(&"dmn_3".into(), &host("clerk.example.com"), NOW, far()).await;
    assert_eq!(conflict(taken), Conflict::HostExists);
    let hosts = scoped.frontend_hosts(far()).await.unwrap();
    assert_eq!(
        hosts.iter().map(|stored| (stored.id.as_str(), stored.host.as_str())).collect::<Vec<_>>(),
        [("dmn_1", "clerk.example.com"), ("dmn_2", "id.example.com:8443")]
    );
    let of =
        async |text: &str| store.instance_of_host(&host(text), far()).await.unwrap().map(|found| found.id);
    assert_eq!((of("id.example.com:8443").await, of("id.example.com").await), (Some(ours.clone()), None));
    assert_eq!(
        conflict(others.remove_frontend_host(&host("clerk.example.com"), far()).await),
        Conflict::NotFound
    );
    scoped.remove_frontend_host(&host("clerk.example.com"), far()).await.unwrap();
    others.add_frontend_host(&"dmn_3".into(), &host("clerk.example.com"), NOW, far()).await.unwrap();
    assert_eq!(of("clerk.example.com").await, Some(theirs.clone()));
    for n in 1..20 {
        others
            .add_frontend_host(&format!("dmn_x{n}").into(), &host(&format!("h{n}.example.com")), NOW, far())
            .await
            .unwrap();
    }
    let full = others.add_frontend_host(&"dmn_y".into(), &host("one-more.example.com"), NOW, far()).await;
    assert_eq!(conflict(full), Conflict::LimitReached("frontend hosts"));
}

pub(super) async fn instance_is_created_with_its_hosts_and_settings_or_not_at_all(store: &Store) {
    let (ours, _) = ready(store).await;
    let host = |text: &str| FrontendHost::parse(text).unwrap();
    store
        .instance(&ours)
        .add_frontend_host(&"dmn_1".into(), &host("taken.example.com"), NOW, far())
        .await
        .unwrap();
    let create = async |id: &str, texts: &[&str]| {
        let instance = Instance {
            id: id.into(),
            name: id.to_owned(),
            environment: Environment::Production,
            created_at: NOW,
        };
        let hosts: Vec<_> = texts.iter().map(|text| (format!("dmn_{text}").into(), host(text))).collect();
        let before = Settings::defaults(id.into());
        let after = patched(&before, r#"{"sessions":{"single":false}}"#);
        let write = Write { changes: vec![Change::update(before, after).into()], ..Write::at(NOW) };
        store.create_instance_with(&instance, &hosts, &write, far()).await
    };
    let all = async || store.instances(far()).await.unwrap().len();
    let before = all().await;
    let refused = create("ins_new", &["a.example.com", "taken.example.com"]).await;
    assert_eq!(conflict(refused), Conflict::HostExists);
    assert_eq!(all().await, before);
    assert_eq!(store.instance_of_host(&host("a.example.com"), far()).await.unwrap(), None);
    assert_eq!(store.instance(&"ins_new".into()).settings(far()).await.unwrap().version, 0);
    create("ins_new", &["b.example.com", "a.example.com"]).await.unwrap();
    assert_eq!(all().await, before + 1);
    let scoped = store.instance(&"ins_new".into()).frontend_hosts(far()).await.unwrap();
    let hosts: Vec<_> = scoped.iter().map(|stored| stored.host.as_str()).collect();
    assert_eq!(hosts, ["b.example.com", "a.example.com"]);
    assert!(!store.instance(&"ins_new".into()).settings(far()).await.unwrap().sessions.single);
    assert_eq!(conflict(create("ins_new", &[]).await), Conflict::InstanceExists);
}

fn added<T>(after: T) -> Change<T> {
    Change { before: None, after: Some(after) }
}

fn removed<T>(before: T) -> Change<T> {
    Change { before: Some(before), after: None }
}

pub(super) async fn entries_of_the_lists_are_found_by_what_they_are_about(store: &Store) {
    let (ours, theirs) = ready(store).await;
    let scoped = store.instance(&ours);
    let entry = |id: &str, list, identifier: &str, at: i64| AccessEntry {
        id: id.to_owned(),
        list,
        kind: AccessKind::EmailAddress,
        identifier: identifier.to_owned(),
        invitation_id: None,
        created_at: NOW.plus_ms(at),
        updated_at: NOW.plus_ms(at),
    };
    let (ada, all, grace) = (
        entry("blid_1", AccessList::Block, "ada@example.com", 1),
        entry("blid_2", AccessList::Block, "*@example.com", 2),
        entry("alid_1", AccessList::Allow, "ada@example.com", 3),
    );
    for entry in [&ada, &all, &grace] {
        save(scoped, added(entry.clone())).await.unwrap();
    }
    let again = entry("blid_9", AccessList::Block, "ada@example.com", 4);
    assert_eq!(conflict(save(scoped, added(again.clone())).await), Conflict::Duplicate);
    save(store.instance(&theirs), added(again)).await.unwrap();
    let page = async |limit, offset| {
        let (page, count) = scoped.access_entries(AccessList::Block, limit, offset, far()).await.unwrap();
        (page.into_iter().map(|entry| entry.id).collect::<Vec<_>>(), count)
    };
    assert_eq!(page(10, 0).await, (vec!["blid_2".to_owned(), "blid_1".to_owned()], 2));
    assert_eq!(page(1, 1).await, (vec!["blid_1".to_owned()], 2));
    let about = async |identifier: &str| {
        let found = scoped.access_entries_about(&entries_about(identifier), far()).await.unwrap();
        let mut ids: Vec<_> = found.into_iter().map(|entry| entry.id).collect();
        ids.sort();
        ids
    };
    assert_eq!(about("ada@example.com").await, ["alid_1", "blid_1", "blid_2"]);
    assert_eq!(about("bob@example.com").await, ["blid_2"]);
    assert!(about("ada@example.org").await.is_empty() && about("+15005550123").await.is_empty());
    assert_eq!(scoped.access_entry("alid_1", far()).await.unwrap(), Some(grace.clone()));
    save(scoped, removed(grace.clone())).await.unwrap();
    assert_eq!(conflict(save(scoped, removed(grace)).await), Conflict::Stale);
}

pub(super) async fn redirect_urls_are_kept_once_each(store: &Store) {
    let (ours, theirs) = ready(store).await;
    let scoped = store.instance(&ours);
    let url = |id: &str, url: &str, at: i64| RedirectUrl {
        id: id.into(),
        url: url.to_owned(),
        created_at: NOW.plus_ms(at),
        updated_at: NOW.plus_ms(at),
    };
    let (one, two) = (url("ru_1", "https://example.com/a", 1), url("ru_2", "com.example.app://done", 2));
    for url in [&one, &two] {
        save(scoped, added(url.clone())).await.unwrap();
    }
    assert_eq!(
        conflict(save(scoped, added(url("ru_3", "https://example.com/a", 3))).await),
        Conflict::Duplicate
    );
    assert_eq!(scoped.redirect_urls(10, 0, far()).await.unwrap(), (vec![two.clone(), one.clone()], 2));
    assert_eq!(scoped.redirect_urls(10, 1, far()).await.unwrap(), (vec![one.clone()], 2));
    assert_eq!(store.instance(&theirs).redirect_url(&one.id, far()).await.unwrap(), None);
    save(scoped, removed(one.clone())).await.unwrap();
    assert_eq!(scoped.redirect_url(&one.id, far()).await.unwrap(), None);
    assert_eq!(scoped.redirect_url(&two.id, far()).await.unwrap(), Some(two));
}

fn invitation(id: &str, address: &str, at: i64) -> Invitation {
    let new = NewInvitation {
        email_address: address.to_owned(),
        public_metadata: verger_wire::json::Object::new(),
        redirect_url: Some("https://example.com/".to_owned()),
        expires_in_days: 1,
    };
    Invitation::create(id.into(), new, format!("digest of {id}"), NOW.plus_ms(at))
}

pub(super) async fn invitations_are_listed_by_what_they_are_now(store: &Store) {
    let (ours, theirs) = ready(store).await;
    let scoped = store.instance(&ours);
    let (ada, bob, eve) = (
        invitation("inv_A", "ada@example.com", 1),
        invitation("inv_B", "bob_1@example.com", 2),
        invitation("inv_C", "eve@example.org", 3),
    );
    for invitation in [&ada, &bob, &eve] {
        save(scoped, added(invitation.clone())).await.unwrap();
    }
    let revoked = bob.revoke(NOW.plus_ms(10)).unwrap();
    save(scoped, Change::update(bob.clone(), revoked.clone())).await.unwrap();
    let stale = Change::update(bob.clone(), bob.accept(NOW.plus_ms(10)).unwrap());
    assert_eq!(conflict(save(scoped, stale).await), Conflict::Stale);
    assert_eq!(scoped.invitation(&bob.id, far()).await.unwrap(), Some(revoked));
    let filter = |status, query: Option<&str>, now: UnixMillis| InvitationFilter {
        status,
        query: query.map(str::to_owned),
        order: InvitationOrder::CreatedAt,
        is_descending: true,
        limit: 10,
        offset: 0,
        now,
    };
    let listed = async |filter: InvitationFilter| {
        let (found, count) = scoped.invitations(&filter, far()).await.unwrap();
        assert_eq!(found.len() as i64, count);
        found.into_iter().map(|found| found.id.to_string()).collect::<Vec<_>>()
    };
    let (soon, late) = (NOW.plus_ms(20), NOW.plus_ms(24 * 60 * 60 * 1000 + 1));
    assert_eq!(listed(filter(None, None, soon)).await, ["inv_C", "inv_A"]);
    assert_eq!(listed(filter(Some(InvitationStatus::Revoked), None, soon)).await, ["inv_B"]);
    assert_eq!(listed(filter(Some(InvitationStatus::Pending), None, late)).await, ["inv_C"]);
    assert_eq!(listed(filter(Some(InvitationStatus::Expired), None, late)).await, ["inv_A"]);
    assert!(listed(filter(Some(InvitationStatus::Accepted), None, soon)).await.is_empty());
    assert_eq!(listed(filter(None, Some("example.com"), soon)).await, ["inv_A"]);
    assert_eq!(listed(filter(Some(InvitationStatus::Revoked), Some("b_1"), soon)).await, ["inv_B"]);
    assert_eq!(listed(filter(None, Some("inv_c"), soon)).await, ["inv_C"]);
    assert!(listed(filter(None, Some("_"), soon)).await.is_empty());
    assert!(listed(filter(None, Some("\0"), soon)).await.is_empty());
    let by_address = InvitationFilter {
        order: InvitationOrder::EmailAddress,
        is_descending: false,
        ..filter(None, None, soon)
    };
    assert_eq!(listed(by_address).await, ["inv_A", "inv_C"]);
    let found = scoped.invitation_by_digest("digest of inv_A", far()).await.unwrap();
    assert_eq!(found.map(|found| found.outcome), Some(InvitationOutcome::Open));
    assert_eq!(store.instance(&theirs).invitation_by_digest("digest of inv_A", far()).await.unwrap(), None);
    let addresses = ["ada@example.com", "bob_1@example.com", "new@example.com"].map(str::to_owned);
    let (invited, claimed) = scoped.invited_or_claimed(&addresses, soon, far()).await.unwrap();
    assert_eq!((invited, claimed), (vec!["ada@example.com".to_owned()], vec![]));
}
