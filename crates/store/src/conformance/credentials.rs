use super::another_handle;
use super::support::*;
use crate::{
    Change, Conflict, GuessWrite, LoadedForGuess, Scoped, SealedIn, SealedSecrets, SecretUse, SecretWrite,
    Store, StoreError, Write,
};
use verger_core::user::IdentificationStatus;
use verger_core::{Credentials, GuessWindow, GuessedFactor, Lockout, PasswordState, User};

/// A user with a password, TOTP and two backup codes, not stored yet.
fn full(at: usize) -> User {
    let mut user = new_user(vec![(phone(at), IdentificationStatus::Verified)], &mut env());
    user.credentials = Credentials {
        password: Some(PasswordState { updated_at: NOW, compromised_at: None }),
        totp_since: Some(NOW),
        backup_codes_left: 2,
        ..Credentials::default()
    };
    user
}

async fn stored(scoped: Scoped<'_>, at: usize) -> User {
    let user = full(at);
    scoped.save(&write(None, Some(&user), &mut env()), far()).await.unwrap();
    user
}

async fn found(scoped: Scoped<'_>, user: &User, factor: GuessedFactor) -> LoadedForGuess {
    scoped.load_for_guess(&user.id, factor, far()).await.unwrap().unwrap()
}

/// Counts a wrong guess; `false` if somebody else counted meanwhile.
async fn count(scoped: Scoped<'_>, found: &LoadedForGuess, factor: GuessedFactor) -> bool {
    let lockout = Some(Lockout { failures_max: 1_000, lasts_ms: 1 });
    let after = found.user.begin_guess(&found.window, lockout, &env()).unwrap();
    let guess = GuessWrite {
        user_id: found.user.id.clone(),
        factor,
        before: found.window.clone(),
        after,
        failed_before: found.user.credentials.failed_attempts,
    };
    is_saved(scoped.save(&Write { guesses: vec![guess], ..Write::at(NOW) }, far()).await)
}

async fn used(scoped: Scoped<'_>, user: &User, how: SecretUse) -> bool {
    is_saved(scoped.save(&Write { used: vec![(user.id.clone(), how)], ..Write::at(NOW) }, far()).await)
}

fn is_saved(saved: Result<(), StoreError>) -> bool {
    if saved.is_ok() {
        return true;
    }
    assert_eq!(conflict(saved), Conflict::Stale);
    false
}

pub(super) async fn state_without_its_secret_is_none(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    let user = stored(scoped, 1).await;
    assert_eq!(scoped.load_user(&user.id, far()).await.unwrap().unwrap().credentials, user.credentials);
    execute(store, "UPDATE credentials SET password = NULL, totp_secret = NULL, backup_codes = NULL").await;
    let loaded = scoped.load_user(&user.id, far()).await.unwrap().unwrap();
    assert_eq!(loaded.credentials, Credentials::default());
}

pub(super) async fn secrets_go_with_the_state_and_with_the_user(store: &Store) {
    let (ours, theirs) = ready(store).await;
    let scoped = store.instance(&ours);
    let user = stored(scoped, 1).await;
    let all = found(scoped, &user, GuessedFactor::Password).await;
    assert_eq!(all.secrets.password, Some(format!("password of {}", user.id)));
    assert!(!format!("{all:?} {:?}", secrets_of(&user)).contains("password of"));
    assert!(
        store
            .instance(&theirs)
            .load_for_guess(&user.id, GuessedFactor::Password, far())
            .await
            .unwrap()
            .is_none()
    );
    let mut without = user.remove_password(&mut env()).user;
    scoped.save(&write(Some(&user), Some(&without), &mut env()), far()).await.unwrap();
    let left = found(scoped, &user, GuessedFactor::Password).await;
    assert_eq!((&left.user, &left.secrets.password), (&without, &None));
    assert!(left.secrets.totp_secret.is_some() && left.secrets.backup_codes.is_some());
    // One part leaves the others alone, whatever was counted meanwhile.
    assert!(count(scoped, &left, GuessedFactor::Totp).await);
    let off = without.disable_mfa(&mut env()).user;
    scoped.save(&write(Some(&without), Some(&off), &mut env()), far()).await.unwrap();
    without = found(scoped, &user, GuessedFactor::Totp).await.user;
    assert_eq!(without.credentials, Credentials { failed_attempts: 1, ..Credentials::default() });
    let secrets = found(scoped, &user, GuessedFactor::Totp).await.secrets;
    assert_eq!(secrets, SealedSecrets::default());
    scoped.save(&write(Some(&without), None, &mut env()), far()).await.unwrap();
    let everything = dump(store).await;
    let left: Vec<_> = rows_with(&everything, user.id.as_str()).into_keys().collect();
    assert!(!left.iter().any(|table| ["credentials", "guess_windows"].contains(table)), "{left:?}");
}

/// Contract section 8, rule 3, over two handles as of two servers.
pub(super) async fn guess_is_counted_once_for_everybody(store: &Store) {
    let (ours, _) = ready(store).await;
    let user = stored(store.instance(&ours), 1).await;
    let other = another_handle(store).unwrap();
    let handles = [store, &other];
    let (ours, user) = (&ours, &user);
    let counted = in_parallel(share(store, 16), |at| async move {
        let scoped = handles[at % 2].instance(ours);
        let mut tries = 0;
        loop {
            tries += 1;
            let loaded = found(scoped, user, GuessedFactor::Password).await;
            if loaded.window.failures.len() >= 10 {
                return 0;
            }
            if count(scoped, &loaded, GuessedFactor::Password).await {
                return 1;
            }
            assert!(tries < 1_000);
        }
    });
    let counted: usize = counted.into_iter().sum();
    let after = found(store.instance(ours), user, GuessedFactor::Password).await;
    assert_eq!(after.window.failures.len(), counted);
    assert_eq!(after.user.credentials.failed_attempts, i64::try_from(counted).unwrap());
    assert_eq!(after.user.version, user.version, "a guess is no change");
    // Every factor by itself, and all in one row.
    assert_eq!(found(store.instance(ours), user, GuessedFactor::Totp).await.window, GuessWindow::default());
}

pub(super) async fn totp_step_is_used_once(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    let user = stored(scoped, 1).await;
    let secret = found(scoped, &user, GuessedFactor::Totp).await.secrets.totp_secret.unwrap();
    let (user_of, secret_of, ours) = (&user, &secret, &ours);
    let step = |step| SecretUse::TotpStep { secret: secret_of.clone(), step };
    let wins =
        in_parallel(share(store, 64), |_| async move { used(store.instance(ours), user_of, step(7)).await });
    assert_eq!(wins.into_iter().filter(|won| *won).count(), 1);
    assert!(!used(scoped, &user, step(6)).await);
    assert!(used(scoped, &user, step(8)).await);
    let other = SecretUse::TotpStep { secret: "another".to_owned(), step: 9 };
    assert!(!used(scoped, &user, other).await);
    assert_eq!(found(scoped, &user, GuessedFactor::Totp).await.secrets.totp_last_step, Some(8));
    // A new secret begins anew.
    let anew = SecretWrite { password: None, backup_codes: None, ..secrets_of(&user) };
    scoped.save(&Write { secrets: vec![anew], ..Write::at(NOW) }, far()).await.unwrap();
    assert_eq!(found(scoped, &user, GuessedFactor::Totp).await.secrets.totp_last_step, None);
}

pub(super) async fn backup_code_is_used_once(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    let user = stored(scoped, 1).await;
    let codes = found(scoped, &user, GuessedFactor::BackupCodes).await.secrets.backup_codes.unwrap();
    let (user_of, codes_of, ours) = (&user, &codes, &ours);
    let wins = in_parallel(share(store, 64), |_| async move {
        let how = SecretUse::BackupCode { from: codes_of.clone(), to: Some("one".to_owned()), left: 1 };
        used(store.instance(ours), user_of, how).await
    });
    assert_eq!(wins.into_iter().filter(|won| *won).count(), 1);
    let loaded = found(scoped, &user, GuessedFactor::BackupCodes).await;
    assert_eq!((loaded.user.version, loaded.user.credentials.backup_codes_left), (user.version, 1));
    // The last one is a change of the user, in the same batch.
    let after = loaded.user.use_backup_code(&env()).user;
    let last = SecretUse::BackupCode { from: "one".to_owned(), to: None, left: 0 };
    let write = Write {
        changes: vec![Change::update(loaded.user.clone(), after.clone()).into()],
        used: vec![(user.id.clone(), last)],
        ..Write::at(NOW)
    };
    scoped.save(&write, far()).await.unwrap();
    let left = found(scoped, &user, GuessedFactor::BackupCodes).await;
    assert_eq!((&left.user, left.secrets.backup_codes), (&after, None));
    assert!(!is_saved(scoped.save(&write, far()).await));
}

/// Contract section 8, rule 9.
pub(super) async fn guess_at_a_user_who_was_deleted_leaves_nothing(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    let user = stored(scoped, 1).await;
    let loaded = found(scoped, &user, GuessedFactor::Password).await;
    let deletion = Change { before: Some(user.clone()), after: None };
    scoped.save(&Write { changes: vec![deletion.into()], ..Write::at(NOW) }, far()).await.unwrap();
    assert!(!count(scoped, &loaded, GuessedFactor::Password).await);
    assert!(scoped.load_for_guess(&user.id, GuessedFactor::Password, far()).await.unwrap().is_none());
    let everything = dump(store).await;
    let left: Vec<_> = rows_with(&everything, user.id.as_str()).into_keys().collect();
    assert!(!left.iter().any(|table| ["credentials", "guess_windows"].contains(table)), "{left:?}");
}

pub(super) async fn guess_windows_go_with_their_age(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    let user = stored(scoped, 1).await;
    let loaded = found(scoped, &user, GuessedFactor::Password).await;
    assert!(count(scoped, &loaded, GuessedFactor::Password).await);
    let version = |loaded: LoadedForGuess| loaded.window.version;
    while store.sweep_guesses(NOW, far()).await.unwrap() {}
    assert_eq!(version(found(scoped, &user, GuessedFactor::Password).await), 1);
    while store.sweep_guesses(NOW.plus_ms(1), far()).await.unwrap() {}
    let left = found(scoped, &user, GuessedFactor::Password).await;
    assert_eq!(left.user.credentials.failed_attempts, 1, "the row of failures stays");
    assert_eq!(version(left), 0);
}

pub(super) async fn credentials_are_sealed_anew(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    let user = full(1);
    let sealed = |what: &str| Some(format!("{}:{what}", "a".repeat(16)));
    let secrets = SecretWrite {
        user_id: user.id.clone(),
        password: sealed("password"),
        totp_secret: sealed("totp"),
        backup_codes: sealed("codes"),
    };
    let created = Write { secrets: vec![secrets], ..write(None, Some(&user), &mut env()) };
    scoped.save(&created, far()).await.unwrap();
    let uses = store.key_uses(NOW, far()).await.unwrap();
    let whats: Vec<_> = uses.iter().map(|used| (used.key_id.as_str(), used.what, used.count)).collect();
    let a = "a".repeat(16);
    let expected = [(a.as_str(), "TOTP secrets", 1), (&a, "backup codes", 1), (&a, "passwords", 1)];
    assert_eq!(whats, expected);
    for place in [SealedIn::Passwords, SealedIn::TotpSecrets, SealedIn::BackupCodes] {
        let b = "b".repeat(16);
        let found = store.sealed_with_others(place, &b, None, 10, NOW, far()).await.unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].id.as_str(), &found[0].instance_id), (user.id.as_str(), &ours));
        let anew = found.into_iter().map(|sealed| {
            let text = sealed.text.replace(&a, &b);
            (sealed, text)
        });
        store.reseal(anew.collect(), far()).await.unwrap();
        assert_eq!(store.sealed_with_others(place, &b, None, 10, NOW, far()).await.unwrap(), []);
    }
    let loaded = found(scoped, &user, GuessedFactor::Password).await;
    assert_eq!(loaded.secrets.password, Some(format!("{}:password", "b".repeat(16))));
    assert_eq!(loaded.user, user);
}
