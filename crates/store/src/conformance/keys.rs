use super::support::*;
use crate::{Conflict, Environment, Instance, KeyDigest, SecretKey, Store};
use verger_wire::{InstanceId, KeyId};

fn key(id: &str, instance: &InstanceId, age: i64) -> SecretKey {
    SecretKey {
        id: KeyId::from(id),
        instance_id: instance.clone(),
        name: format!("Name of {id} é"),
        hint: format!("…{age}"),
        created_at: NOW.plus_ms(age),
        revoked_at: None,
    }
}

pub(super) async fn key_opens_its_instance_until_it_is_revoked(store: &Store) {
    let (ours, theirs) = ready(store).await;
    let (one, two) = (key("key_1", &ours, 1), key("key_2", &theirs, 2));
    let secrets = ["sk_test_one", "sk_test_two"].map(KeyDigest::of);
    store.create_key(&one, &secrets[0], far()).await.unwrap();
    store.create_key(&two, &secrets[1], far()).await.unwrap();
    for (digest, key) in secrets.iter().zip([&one, &two]) {
        let (id, instance) = store.find_key(digest, far()).await.unwrap().expect("found");
        assert_eq!((&id, &instance.id), (&key.id, &key.instance_id));
        assert_eq!((instance.name.as_str(), instance.environment), ("Test", Environment::Development));
        assert_eq!(instance.created_at, NOW);
    }
    for unknown in ["", "sk_test_", "sk_test_On", "sk_test_one ", "key_1"] {
        assert!(store.find_key(&KeyDigest::of(unknown), far()).await.unwrap().is_none(), "{unknown}");
    }
    store.revoke_key(&one.id, NOW.plus_ms(9), far()).await.unwrap();
    assert!(store.find_key(&secrets[0], far()).await.unwrap().is_none());
    assert!(store.find_key(&secrets[1], far()).await.unwrap().is_some());
    // The first revocation counts, and what is revoked stays so.
    let before = dump(store).await;
    assert_eq!(conflict(store.revoke_key(&one.id, NOW.plus_ms(10), far()).await), Conflict::NotFound);
    assert_eq!(conflict(store.revoke_key(&"key_none".into(), NOW, far()).await), Conflict::NotFound);
    assert_eq!(
        conflict(store.create_key(&key("key_3", &ours, 3), &secrets[0], far()).await),
        Conflict::KeyExists
    );
    assert_eq!(dump(store).await, before);
    // A key of an instance that is not there opens nothing.
    let lost = KeyDigest::of("sk_test_lost");
    store.create_key(&key("key_lost", &"ins_none".into(), 4), &lost, far()).await.unwrap();
    assert!(store.find_key(&lost, far()).await.unwrap().is_none());
}

pub(super) async fn key_and_instance_exist_once(store: &Store) {
    let (ours, theirs) = ready(store).await;
    let digest = KeyDigest::of("sk_test_one");
    store.create_key(&key("key_1", &ours, 1), &digest, far()).await.unwrap();
    let before = dump(store).await;
    let twice = [
        store.create_key(&key("key_2", &theirs, 2), &digest, far()).await,
        store.create_key(&key("key_1", &theirs, 2), &KeyDigest::of("another"), far()).await,
    ];
    for refused in twice {
        assert_eq!(conflict(refused), Conflict::KeyExists);
    }
    let again = Instance {
        id: ours.clone(),
        name: "Other".to_owned(),
        environment: Environment::Production,
        created_at: NOW,
    };
    assert_eq!(conflict(store.create_instance(&again, far()).await), Conflict::InstanceExists);
    assert_eq!(dump(store).await, before);
    let live = Instance { id: "ins_live".into(), created_at: NOW.plus_ms(-1), ..again };
    store.create_instance(&live, far()).await.unwrap();
    let ids: Vec<_> = store.instances(far()).await.unwrap().into_iter().map(|instance| instance.id).collect();
    assert_eq!(ids, [live.id.clone(), ours, theirs], "oldest first, then by id");
    assert_eq!(store.instances(far()).await.unwrap()[0], live);
}

pub(super) async fn keys_are_listed_for_one_instance_or_all(store: &Store) {
    let (ours, theirs) = ready(store).await;
    let keys =
        [key("key_b", &ours, 1), key("key_c", &theirs, 1), key("key_a", &ours, 2), key("key_d", &ours, 0)];
    for key in &keys {
        store.create_key(key, &KeyDigest::of(key.id.as_str()), far()).await.unwrap();
    }
    let [b, c, mut a, d] = keys;
    store.revoke_key(&a.id, NOW.plus_ms(7), far()).await.unwrap();
    a.revoked_at = Some(NOW.plus_ms(7));
    let all = [d.clone(), b.clone(), c.clone(), a.clone()];
    assert_eq!(store.keys(None, far()).await.unwrap(), all);
    assert_eq!(store.keys(Some(&ours), far()).await.unwrap(), [d, b, a]);
    assert_eq!(store.keys(Some(&theirs), far()).await.unwrap(), [c]);
    // No instance has an empty id: that is not a way to ask for all.
    for nobody in ["", "ins_none"] {
        assert_eq!(store.keys(Some(&nobody.into()), far()).await.unwrap(), []);
    }
}
