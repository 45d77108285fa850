use super::support::*;
use crate::{KeyDigest, SecretKey, Sign, Store, StoreError, UserFilter, Write};
use verger_core::user::IdentificationStatus;
use verger_core::{IdentifierKind, User};
use verger_wire::InstanceId;

/// Who is named in the error.
#[derive(Clone, Copy)]
enum Named {
    User,
    Identification,
}
use Named::{Identification, User as TheUser};

/// A damage, who is named, and what is said of it.
type Damage = (&'static str, Named, &'static str);

/// What any database can hold.
const VALUES: [Damage; 18] = [
    ("UPDATE users SET version = 0 WHERE id = $USER", TheUser, "Version"),
    ("UPDATE users SET public_metadata = '{' WHERE id = $USER", TheUser, "public_metadata"),
    ("UPDATE users SET private_metadata = '[]' WHERE id = $USER", TheUser, "private_metadata"),
    ("UPDATE users SET unsafe_metadata = '' WHERE id = $USER", TheUser, "unsafe_metadata"),
    ("UPDATE users SET delete_self_enabled = 2 WHERE id = $USER", TheUser, "delete_self_enabled"),
    ("UPDATE users SET bypass_client_trust = -1 WHERE id = $USER", TheUser, "bypass_client_trust"),
    ("UPDATE users SET primary_phone_number_id = 'idn_x' WHERE id = $USER", TheUser, "PrimaryPhoneNumber"),
    ("UPDATE users SET primary_email_address_id = $HELD WHERE id = $USER", TheUser, "PrimaryEmailAddress"),
    ("UPDATE identifications SET kind = 'fax' WHERE id = $HELD", Identification, "kind"),
    ("UPDATE identifications SET metadata_version = NULL WHERE id = $HELD", Identification, "kind"),
    ("UPDATE identifications SET standing = 'perhaps' WHERE id = $HELD", Identification, "standing"),
    ("UPDATE identifications SET standing = 'unverified' WHERE id = $HELD", Identification, "standing"),
    ("UPDATE identifications SET verified_at = NULL WHERE id = $HELD", Identification, "standing"),
    ("UPDATE identifications SET second_factor = '' WHERE id = $HELD", Identification, "second_factor"),
    (
        "UPDATE identifications SET second_factor = 'reserved' WHERE id = $HELD",
        TheUser,
        "DefaultSecondFactor",
    ),
    (
        "UPDATE identifications SET second_factor = 'default', standing = 'reserved', verified_at = NULL
         WHERE id = $HELD",
        TheUser,
        "SecondFactorUnverified",
    ),
    (
        "UPDATE identifications SET identifier = 'x', kind = 'phone_number' WHERE user_id = $USER",
        TheUser,
        "Duplicate",
    ),
    (
        "UPDATE identifications SET kind = 'email_address', identifier = 'y@z' WHERE id = $HELD",
        TheUser,
        "PrimaryPhoneNumber",
    ),
];

/// What only a database without strict types can hold.
const TYPES: [Damage; 9] = [
    ("UPDATE users SET version = 'x' WHERE id = $USER", TheUser, "version"),
    ("UPDATE users SET created_at = 1.5 WHERE id = $USER", TheUser, "created_at"),
    ("UPDATE users SET banned_at = x'00' WHERE id = $USER", TheUser, "banned_at"),
    ("UPDATE users SET first_name = x'00' WHERE id = $USER", TheUser, "first_name"),
    ("UPDATE users SET last_name = CAST(x'ff41' AS TEXT) WHERE id = $USER", TheUser, "last_name"),
    (
        "UPDATE users SET create_organizations_limit = 'no' WHERE id = $USER",
        TheUser,
        "create_organizations_limit",
    ),
    ("UPDATE identifications SET typed = x'00' WHERE id = $HELD", Identification, "typed"),
    ("UPDATE identifications SET region = CAST(x'c3' AS TEXT) WHERE id = $HELD", Identification, "region"),
    ("UPDATE identifications SET updated_at = 'x' WHERE id = $HELD", Identification, "updated_at"),
];

pub(super) async fn damaged_row_is_named(store: &Store) {
    let (ours, _) = ready(store).await;
    for (at, damage) in VALUES.into_iter().enumerate() {
        assert_named(store, &ours, at, damage).await;
    }
    execute(store, "UPDATE instances SET environment = 'staging' WHERE id = 'ins_theirs'").await;
    assert_corrupt(store.instances(far()).await.err(), "instances", "ins_theirs", "environment");
    let key = SecretKey {
        id: "key_1".into(),
        instance_id: "ins_theirs".into(),
        name: "Key".to_owned(),
        hint: "wxyz".to_owned(),
        created_at: NOW,
        revoked_at: None,
    };
    let digest = KeyDigest::of("secret");
    store.create_key(&key, &digest, far()).await.unwrap();
    assert_corrupt(store.find_key(&digest, far()).await.err(), "instances", "ins_theirs", "environment");
}

pub(super) async fn row_of_another_type_is_named(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    for (at, damage) in TYPES.into_iter().enumerate() {
        assert_named(store, &ours, at, damage).await;
    }
    scoped.save(&Write { answer: Some(answer("a key")), ..Write::at(NOW) }, far()).await.unwrap();
    execute(store, "UPDATE idempotency_keys SET response = x'00'").await;
    let damaged = scoped.stored_answer("a key", far()).await.err();
    assert_corrupt(damaged, "idempotency_keys", "a key", "response");

    create_all(scoped, &[new_user(vec![(phone(500), IdentificationStatus::Verified)], &mut env())]).await;
    execute(store, "UPDATE claims SET user_id = x'00'").await;
    let texts = [(IdentifierKind::PhoneNumber, phone(500).as_str().to_owned())];
    assert_corrupt(scoped.load_claims(&texts, far()).await.err(), "claims", "", "user_id");

    execute(store, "UPDATE instances SET created_at = 'x' WHERE id = 'ins_theirs'").await;
    assert_corrupt(store.instances(far()).await.err(), "instances", "ins_theirs", "created_at");
    execute(store, "UPDATE schema_migrations SET version = 'x' WHERE version = 1").await;
    assert_corrupt(store.migration_state(far()).await.err(), "schema_migrations", "", "version");
}

async fn assert_named(store: &Store, instance: &InstanceId, at: usize, (sql, named, what): Damage) {
    let scoped = store.instance(instance);
    let user = new_user(
        vec![
            (phone(2 * at), IdentificationStatus::Verified),
            (phone(2 * at + 1), IdentificationStatus::Reserved),
        ],
        &mut env(),
    );
    create_all(scoped, std::slice::from_ref(&user)).await;
    let held = &user.identifications[0].id;
    let (table, id) = match named {
        TheUser => ("users", user.id.as_str()),
        Identification => ("identifications", held.as_str()),
    };
    execute(store, &sql.replace("$USER", &format!("'{}'", user.id)).replace("$HELD", &format!("'{held}'")))
        .await;
    let only =
        UserFilter { user_ids: Some(vec![(Sign::Include, user.id.to_string())]), ..UserFilter::default() };
    let errors = [
        scoped.load_user(&user.id, far()).await.err(),
        scoped.load_users(std::slice::from_ref(&user.id), far()).await.err(),
        scoped.load_for_change(&user.id, &[], far()).await.err(),
        scoped.load_for_identification_change(held, far()).await.err(),
        scoped.list_users(&only, &page(10), far()).await.err(),
    ];
    for error in errors {
        assert_corrupt(error, table, id, what);
    }
    // Neighbours are whole, and counting looks at no row.
    assert_eq!(scoped.count_users(&only, far()).await.unwrap(), 1, "{sql}");
    let next = new_user(vec![], &mut env());
    create_all(scoped, std::slice::from_ref(&next)).await;
    assert_eq!(scoped.load_user(&next.id, far()).await.unwrap(), Some::<User>(next));
}

fn assert_corrupt(error: Option<StoreError>, table: &str, id: &str, what: &str) {
    match error {
        Some(StoreError::Corrupt { table: t, id: i, what: w }) => {
            assert_eq!((t, i.as_str()), (table, id), "{w}");
            let last_word = w.split_whitespace().last();
            assert_eq!(last_word, Some(what), "{w}");
        }
        other => panic!("{table} {id} {what}: {other:?}"),
    }
}

/// A claim that nothing explains is no free number: better refused than given to two.
pub(super) async fn claim_without_an_owner_still_holds(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    let number = phone(1);
    execute(
        store,
        &format!(
            "INSERT INTO claims (instance_id, kind, identifier, user_id, identification_id)
             VALUES ('{ours}', 'phone_number', '{}', 'user_gone', 'idn_gone')",
            number.as_str()
        ),
    )
    .await;
    let texts = [(IdentifierKind::PhoneNumber, number.as_str().to_owned())];
    assert_claims(&scoped.load_claims(&texts, far()).await.unwrap(), &texts);
    let mut env = env();
    let user = new_user(vec![(number, IdentificationStatus::Verified)], &mut env);
    let refused = conflict(scoped.save(&write(None, Some(&user), &mut env), far()).await);
    assert_eq!(refused, crate::Conflict::Taken(IdentifierKind::PhoneNumber));
}
