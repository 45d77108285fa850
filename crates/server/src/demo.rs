//! The demo user of `verger dev`, so that every printed example has ids that exist.
//!
//! Its ids are derived from the instance: it has the same ids after a reset, and is found again after a restart, whatever
//! else is in the store.

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use sha2::{Digest as _, Sha256};
use std::time::Instant;
use verger_core::user::{IdentificationStatus, NewUser};
use verger_core::{Claims, E164, Env, Identifier, IdentifierKind, TestNumbers, User};
use verger_store::{Change, Conflict, Instance, Store, StoreError, UserFilter, Write};
use verger_wire::Patch;

/// The numbers of the demo user: test numbers, so that nothing is ever sent to them.
const NUMBERS: [&str; 2] = ["+12015550100", "+12015550101"];

/// Why there is no demo user.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DemoError {
    /// The rules refuse it: our own mistake.
    #[error("the demo user was refused: {0}")]
    Refused(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The demo user; created if the instance has no user at all. `None`: it was deleted, and others are there.
pub(crate) async fn find_or_create(
    store: &Store,
    instance: &Instance,
    deadline: Instant,
) -> Result<Option<User>, DemoError> {
    let scoped = store.instance(&instance.id);
    if let Some(user) = find(store, instance, deadline).await? {
        return Ok(Some(user));
    }
    if scoped.count_users(&UserFilter::default(), deadline).await? > 0 {
        return Ok(None);
    }
    create(store, instance, deadline).await
}

/// The demo user, if it is there.
pub(crate) async fn find(
    store: &Store,
    instance: &Instance,
    deadline: Instant,
) -> Result<Option<User>, DemoError> {
    let demo = user_of(instance)?;
    Ok(store.instance(&instance.id).load_user(&demo.id, deadline).await?)
}

/// Creates the demo user. `None`: another request was faster and has one of its numbers.
pub(crate) async fn create(
    store: &Store,
    instance: &Instance,
    deadline: Instant,
) -> Result<Option<User>, DemoError> {
    let user = user_of(instance)?;
    let write = Write {
        changes: vec![Change { before: None, after: Some(user.clone()) }.into()],
        ..Write::at(user.created_at)
    };
    match store.instance(&instance.id).save(&write, deadline).await {
        Ok(_) => Ok(Some(user)),
        Err(StoreError::Conflict(Conflict::Taken(_) | Conflict::Stale)) => {
            Ok(store.instance(&instance.id).load_user(&user.id, deadline).await?)
        }
        Err(error) => Err(error.into()),
    }
}

/// The ids of its phone numbers, the oldest first.
pub(crate) fn phone_number_ids(user: &User) -> Vec<String> {
    let numbers = user.newest_first(IdentifierKind::PhoneNumber);
    numbers.into_iter().rev().map(|held| held.id.to_string()).collect()
}

/// Drawn from the id of the instance and as old as it, so always the same.
fn user_of(instance: &Instance) -> Result<User, DemoError> {
    let seed =
        Sha256::new().chain_update("verger: demo user\n").chain_update(instance.id.as_str()).finalize();
    let mut env = Env::new(instance.created_at, Box::new(StdRng::from_seed(seed.into())));
    let mut new = NewUser::default();
    for text in NUMBERS {
        let number =
            E164::parse(text, TestNumbers::Accepted).map_err(|why| DemoError::Refused(format!("{why:?}")))?;
        new.identifications.push((Identifier::Phone(number), IdentificationStatus::Verified));
    }
    new.profile.first_name = Patch::Set("Demo".to_owned());
    let change = User::create(new, &Claims::default(), &mut env)
        .map_err(|refusal| DemoError::Refused(format!("{refusal:?}")))?;
    Ok(change.user)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use verger_store::Environment;
    use verger_wire::UnixMillis;

    fn deadline() -> Instant {
        Instant::now() + Duration::from_secs(10)
    }

    async fn empty(id: &str) -> (Store, Instance) {
        let store = Store::ephemeral().unwrap();
        store.migrate(UnixMillis(1), deadline()).await.unwrap();
        let instance = Instance {
            id: id.into(),
            name: "development".to_owned(),
            environment: Environment::Development,
            created_at: UnixMillis(1_800_000_000_000),
        };
        store.create_instance(&instance, deadline()).await.unwrap();
        (store, instance)
    }

    #[tokio::test]
    async fn demo_user_comes_back_under_the_same_ids_and_differs_between_instances() {
        let (store, instance) = empty("ins_a").await;
        let first = find_or_create(&store, &instance, deadline()).await.unwrap().unwrap();
        assert_eq!(phone_number_ids(&first).len(), 2);
        let again = find_or_create(&store, &instance, deadline()).await.unwrap().unwrap();
        assert_eq!(first, again);
        store.instance(&instance.id).reset(deadline()).await.unwrap();
        assert!(find(&store, &instance, deadline()).await.unwrap().is_none());
        let after = find_or_create(&store, &instance, deadline()).await.unwrap().unwrap();
        assert_eq!((&first.id, phone_number_ids(&first)), (&after.id, phone_number_ids(&after)));
        let (other_store, other) = empty("ins_b").await;
        let other = find_or_create(&other_store, &other, deadline()).await.unwrap().unwrap();
        assert_ne!(first.id, other.id);
    }

    #[tokio::test]
    async fn demo_user_is_not_forced_on_a_store_whose_users_are_others() {
        let (store, instance) = empty("ins_a").await;
        let demo = create(&store, &instance, deadline()).await.unwrap().unwrap();
        let mut env = Env::new(UnixMillis(1_800_000_000_001), Box::new(StdRng::seed_from_u64(1)));
        let number = E164::parse("+12015550199", TestNumbers::Accepted).unwrap();
        let new = NewUser {
            identifications: vec![(Identifier::Phone(number), IdentificationStatus::Verified)],
            ..NewUser::default()
        };
        let other = User::create(new, &Claims::default(), &mut env).unwrap().user;
        let write = Write {
            changes: vec![
                Change { before: None, after: Some(other) }.into(),
                Change { before: Some(demo), after: None }.into(),
            ],
            ..Write::at(env.now)
        };
        store.instance(&instance.id).save(&write, deadline()).await.unwrap();
        assert!(find_or_create(&store, &instance, deadline()).await.unwrap().is_none());
    }
}
