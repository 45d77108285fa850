use super::support::*;
use crate::{Change, Conflict, OrderBy, Scoped, Sign, Store, UserFilter, UserPage, Write};
use verger_core::user::{IdentificationStatus, ProfileChange};
use verger_core::{Claims, Env, IdentifierKind, User, Username};
use verger_wire::Patch;

fn full_user(env: &mut Env) -> User {
    let user = new_user(
        vec![
            (phone(1), IdentificationStatus::Verified),
            (phone(2), IdentificationStatus::Unverified),
            (email("ada"), IdentificationStatus::Reserved),
        ],
        env,
    );
    User {
        username: Some(Username::parse("Ada_Lovelace").unwrap()),
        external_id: Some("Ext-1".to_owned()),
        first_name: Some("Ada".to_owned()),
        ..user
    }
}

fn texts(user: &User) -> Vec<(IdentifierKind, String)> {
    user.claimed().into_iter().map(|(kind, text, _)| (kind, text)).collect()
}

/// Filters that each find [`full_user`].
fn filters_for(user: &User) -> Vec<UserFilter> {
    let none = UserFilter::default;
    let some = |text: &str| Some(text.to_owned());
    vec![
        none(),
        UserFilter { email_addresses: Some(vec!["ada@example.com".to_owned()]), ..none() },
        UserFilter { phone_numbers: Some(vec![phone(1).as_str().to_owned()]), ..none() },
        UserFilter { external_ids: Some(vec![(Sign::Include, "Ext-1".to_owned())]), ..none() },
        UserFilter { external_ids: Some(vec![(Sign::Exclude, "other".to_owned())]), ..none() },
        UserFilter { usernames: Some(vec!["ada_lovelace".to_owned()]), ..none() },
        UserFilter { user_ids: Some(vec![(Sign::Include, user.id.to_string())]), ..none() },
        UserFilter { user_ids: Some(vec![(Sign::Exclude, "other".to_owned())]), ..none() },
        UserFilter { query: some("example.com"), ..none() },
        UserFilter { email_address_query: some("ada"), ..none() },
        UserFilter { phone_number_query: some("555"), ..none() },
        UserFilter { username_query: some("lovelace"), ..none() },
        UserFilter { name_query: some("ada"), ..none() },
        UserFilter { banned: Some(false), ..none() },
        UserFilter { created_before: Some(NOW.plus_ms(1)), ..none() },
        UserFilter { created_after: Some(NOW.plus_ms(-1)), ..none() },
    ]
}

pub(super) async fn reads_of_another_instance_find_nothing(store: &Store) {
    let (ours, theirs) = ready(store).await;
    let (our, their) = (store.instance(&ours), store.instance(&theirs));
    let env = &mut env();
    let user = full_user(env);
    let kept = Write { answer: Some(answer("key")), ..write(None, Some(&user), env) };
    our.save(&kept, far()).await.unwrap();
    for (scoped, found) in [(our, true), (their, false)] {
        let one = usize::from(found);
        assert_eq!(scoped.load_user(&user.id, far()).await.unwrap().is_some(), found);
        assert_eq!(scoped.load_users(std::slice::from_ref(&user.id), far()).await.unwrap().len(), one);
        assert_eq!(scoped.load_for_change(&user.id, &texts(&user), far()).await.unwrap().is_some(), found);
        for held in &user.identifications {
            assert_eq!(scoped.load_identification(&held.id, far()).await.unwrap().is_some(), found);
            let loaded = scoped.load_for_identification_change(&held.id, far()).await.unwrap();
            assert_eq!(loaded.is_some(), found);
        }
        let held = if found { texts(&user) } else { Vec::new() };
        assert_claims(&scoped.load_claims(&texts(&user), far()).await.unwrap(), &held);
        assert_eq!(scoped.stored_answer("key", far()).await.unwrap().is_some(), found);
        for filter in filters_for(&user) {
            assert_eq!(list(scoped, &filter, &page(10)).await.len(), one, "{filter:?}");
            assert_eq!(scoped.count_users(&filter, far()).await.unwrap(), i64::from(found), "{filter:?}");
        }
        let after_user = UserPage { starting_after: Some(user.id.clone()), ..page(10) };
        let listed = scoped.list_users(&UserFilter::default(), &after_user, far()).await.unwrap();
        assert_eq!(listed.is_some(), found, "a cursor of another instance is unknown");
    }
    // What is claimed here is free there.
    let copy = new_user(vec![(phone(1), IdentificationStatus::Unverified)], env);
    create_all(their, std::slice::from_ref(&copy)).await;
    let held = &copy.identifications[0].id;
    assert_claims(&their.load_for_identification_change(held, far()).await.unwrap().unwrap().claims, &[]);
    assert_claims(&their.load_for_change(&copy.id, &texts(&user), far()).await.unwrap().unwrap().claims, &[]);
}

pub(super) async fn writes_of_another_instance_change_nothing(store: &Store) {
    let (ours, theirs) = ready(store).await;
    let (our, their) = (store.instance(&ours), store.instance(&theirs));
    let env = &mut env();
    let user = full_user(env);
    our.save(&write(None, Some(&user), env), far()).await.unwrap();
    let before = dump(store).await;
    let renamed = ProfileChange { first_name: Patch::Null, ..ProfileChange::default() };
    let renamed = user.update(renamed, &Claims::default(), env).unwrap().user;
    let removed = user.remove_identification(&user.identifications[0].id, env).unwrap().user;
    for after in [Some(&renamed), Some(&removed), None] {
        let write = write(Some(&user), after, env);
        assert_eq!(conflict(their.save(&write, far()).await), Conflict::Stale);
        assert_eq!(dump(store).await, before);
    }
}

pub(super) async fn same_ids_and_texts_stand_in_two_instances(store: &Store) {
    let (ours, theirs) = ready(store).await;
    let (our, their) = (store.instance(&ours), store.instance(&theirs));
    let env = &mut env();
    let user = full_user(env);
    let created = write(None, Some(&user), env);
    let created = Write { answer: Some(answer("key")), ..created };
    our.save(&created, far()).await.unwrap();
    // The same ids with other data: what a query that forgets its instance would mix up.
    let mut double = User { first_name: Some("Double".to_owned()), version: 7, ..user.clone() };
    double.identifications[0].verification = verger_core::Verification::Unverified;
    let mut other_answer = answer("key");
    other_answer.response = "theirs".to_owned();
    let mut theirs_write = Write { answer: Some(other_answer), ..created.clone() };
    theirs_write.changes = vec![Change { before: None, after: Some(double.clone()) }.into()];
    their.save(&theirs_write, far()).await.unwrap();

    let untouched = rows_with(&dump(store).await, theirs.as_str()).len();
    assert_eq!(
        untouched, 7,
        "users, identifications, claims, events and their texts, answers and the instance itself"
    );
    let kept =
        |dump: &std::collections::BTreeMap<String, Vec<_>>| format!("{:?}", rows_with(dump, theirs.as_str()));
    let before = kept(&dump(store).await);
    let named = ProfileChange { first_name: Patch::Set("Ours".to_owned()), ..ProfileChange::default() };
    let named = user.update(named, &Claims::default(), env).unwrap().user;
    let replaced = named
        .replace_identification(phone(1), IdentificationStatus::Verified, &Claims::default(), env)
        .unwrap()
        .user;
    let unverified = replaced.disable_mfa(env).user.set_locked(true, env).user;
    let steps =
        [(Some(&user), Some(&named)), (Some(&named), Some(&replaced)), (Some(&replaced), Some(&unverified))];
    for (before_step, after_step) in steps {
        our.save(&write(before_step, after_step, env), far()).await.unwrap();
        assert_is_all(our, after_step.unwrap()).await;
        assert_is_all(their, &double).await;
        assert_eq!(kept(&dump(store).await), before);
    }
    assert_eq!(claims(store, &ours).await, claims_of([&unverified]));
    our.save(&write(Some(&unverified), None, env), far()).await.unwrap();
    assert_eq!(our.load_user(&user.id, far()).await.unwrap(), None);
    assert_is_all(their, &double).await;
    assert_eq!(kept(&dump(store).await), before);
    assert_eq!(their.stored_answer("key", far()).await.unwrap().unwrap().response, "theirs");
    assert_eq!(our.stored_answer("key", far()).await.unwrap().unwrap(), answer("key"));
}

pub(super) async fn filters_and_orders_look_at_one_instance(store: &Store) {
    let (ours, theirs) = ready(store).await;
    let (our, their) = (store.instance(&ours), store.instance(&theirs));
    let env = &mut env();
    // The same two users here and there, whose numbers and addresses stand in another order.
    let two = |first: usize, second: usize, env: &mut Env| {
        [first, second].map(|at| {
            let held = vec![
                (phone(at), IdentificationStatus::Verified),
                (email(&format!("e{at}")), IdentificationStatus::Verified),
            ];
            new_user(held, env)
        })
    };
    let here = two(1, 2, env);
    let mut there = two(4, 3, env);
    for (user, double) in here.iter().zip(&mut there) {
        double.id = user.id.clone();
        double.primary_phone_number_id.clone_from(&user.primary_phone_number_id);
        double.primary_email_address_id.clone_from(&user.primary_email_address_id);
        for (held, copy) in user.identifications.iter().zip(&mut double.identifications) {
            copy.id = held.id.clone();
        }
    }
    create_all(our, &here).await;
    create_all(their, &there).await;
    for order_by in [OrderBy::PhoneNumber, OrderBy::EmailAddress] {
        let by = UserPage { order_by, direction: crate::Direction::Ascending, ..page(10) };
        let order = |users: &[User]| users.iter().map(|user| user.id.clone()).collect::<Vec<_>>();
        let [one, two] = [&here[0], &here[1]].map(|user| user.id.clone());
        assert_eq!(order(&list(our, &UserFilter::default(), &by).await), [one.clone(), two.clone()]);
        assert_eq!(order(&list(their, &UserFilter::default(), &by).await), [two, one]);
    }
    // A user who has everything there, and under the same id nothing here.
    let full = full_user(env);
    let bare = User { id: full.id.clone(), ..new_user(vec![], env) };
    create_all(our, std::slice::from_ref(&bare)).await;
    create_all(their, std::slice::from_ref(&full)).await;
    let only = |filter: UserFilter| UserFilter {
        user_ids: Some(vec![(Sign::Include, full.id.to_string())]),
        ..filter
    };
    for filter in filters_for(&full) {
        let names_text = filter.email_addresses.is_some()
            || filter.phone_numbers.is_some()
            || filter.usernames.is_some()
            || filter.query.is_some()
            || filter.email_address_query.is_some()
            || filter.phone_number_query.is_some()
            || filter.username_query.is_some()
            || filter.name_query.is_some();
        let filter = only(filter);
        assert_eq!(their.count_users(&filter, far()).await.unwrap(), 1, "{filter:?}");
        if names_text {
            assert_eq!(our.count_users(&filter, far()).await.unwrap(), 0, "{filter:?}");
        }
    }
}

/// Nothing of another instance shows through: the user is as expected by every way, and alone.
async fn assert_is_all(scoped: Scoped<'_>, expected: &User) {
    let expected = sorted(expected.clone());
    let same = |loaded: Vec<User>| {
        assert_eq!(loaded.into_iter().map(sorted).collect::<Vec<_>>(), std::slice::from_ref(&expected));
    };
    same(scoped.load_user(&expected.id, far()).await.unwrap().into_iter().collect());
    same(scoped.load_users(std::slice::from_ref(&expected.id), far()).await.unwrap());
    for order_by in [OrderBy::CreatedAt, OrderBy::PhoneNumber, OrderBy::EmailAddress] {
        same(list(scoped, &UserFilter::default(), &UserPage { order_by, ..page(10) }).await);
    }
    for held in &expected.identifications {
        let loaded = scoped.load_for_identification_change(&held.id, far()).await.unwrap().unwrap();
        assert_claims(&loaded.claims, &[]);
        same(vec![loaded.user]);
    }
}
