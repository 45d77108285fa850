//! Passwords, authenticators and backup codes of users.

use super::users::render_changed;
use crate::answer::Answer;
use crate::call::Call;
use crate::caller::SecretKey;
use crate::engine::{Decision, Target, Writing};
use crate::error::Failure;
use crate::operation::operations;
use crate::reasons::*;
use verger_core::session::Ending;
use verger_core::{Change, Env, Refusal, User};
use verger_credentials::Password;
use verger_wire as wire;
use verger_wire::UserId;
use verger_wire::user::{
    CodeVerified, CredentialRemoved, PasswordVerified, RemovePasswordParams, SetCompromisedParams,
    VerifyPasswordParams, VerifyTotpParams,
};

operations! {
    /// Verify a password
    ///
    /// Compares a password with that of the user. A wrong one is counted: ten within an hour close the password until
    /// the hour is over, and too many wrong tries of any factor in a row lock the user. A new password or unlocking the user
    /// opens it again. The digest of another system is replaced by one of our own when its password is verified.
    VerifyPassword: POST "/v1/users/{user_id}/verify_password" in "Users" {
        caller: SecretKey,
        path: UserId,
        input: VerifyPasswordParams,
        output: PasswordVerified, "The password is right.",
        headers: IF_MATCH | IDEMPOTENT,
        refuses: [
            INCORRECT_PASSWORD, NO_PASSWORD_SET, PASSWORD_COMPROMISED, PASSWORD_DISABLED, FACTOR_CLOSED,
            PASSWORD_QUEUE_FULL, USER_BANNED, USER_LOCKED,
        ],
        adds: [401, 403, 429],
        shares: [500],
        run: verify_password,
    }

    /// Verify a code of an authenticator, or a backup code
    ///
    /// Compares what the user entered: six digits with the codes of the authenticator, anything else with the backup codes.
    /// Either is accepted once. A wrong one is counted, as a wrong password is.
    VerifyTOTP: POST "/v1/users/{user_id}/verify_totp" in "Users" {
        caller: SecretKey,
        path: UserId,
        input: VerifyTotpParams,
        output: CodeVerified, "The code is right, and used up.",
        headers: IF_MATCH | IDEMPOTENT,
        refuses: [
            TOTP_INCORRECT, TOTP_LENGTH, TOTP_DISABLED, FACTOR_CLOSED, PASSWORD_QUEUE_FULL, USER_BANNED, USER_LOCKED,
        ],
        adds: [401, 403, 429],
        shares: [500],
        run: verify_totp,
    }

    /// Remove the password of a user
    ///
    /// If the user has none, nothing changes. The user may have no other way to sign in.
    RemoveUserPassword: POST "/v1/users/{user_id}/remove_password" in "Users" {
        caller: SecretKey,
        path: UserId,
        input: RemovePasswordParams,
        output: wire::User, "The updated user.",
        headers: TAGGED | IF_MATCH | DRY_RUN | IDEMPOTENT | CONSEQUENCES,
        adds: [422],
        shares: [500],
        run: remove_password,
    }

    /// Mark a password as compromised
    ///
    /// From now on the password opens nothing: the user must sign in another way and choose a new one. A user who has no
    /// other way can only be helped with a new password.
    SetUserPasswordCompromised: POST "/v1/users/{user_id}/password/set_compromised" in "Users" {
        caller: SecretKey,
        path: UserId,
        input: SetCompromisedParams,
        output: wire::User, "The updated user.",
        headers: TAGGED | IF_MATCH | DRY_RUN | IDEMPOTENT | CONSEQUENCES,
        refuses: [NO_PASSWORD_SET, PASSWORD_DISABLED],
        run: set_compromised,
    }

    /// Unset a password compromised
    ///
    /// The password opens what it opened before.
    UnsetUserPasswordCompromised: POST "/v1/users/{user_id}/password/unset_compromised" in "Users" {
        caller: SecretKey,
        path: UserId,
        output: wire::User, "The updated user.",
        headers: TAGGED | IF_MATCH | DRY_RUN | IDEMPOTENT | CONSEQUENCES,
        refuses: [NO_PASSWORD_SET, PASSWORD_DISABLED],
        run: unset_compromised,
    }

    /// Delete the authenticator of a user
    ///
    /// Deletes the TOTP secret. If it was the last second factor, the backup codes go with it. If the user has none, nothing
    /// changes.
    DeleteTOTP: DELETE "/v1/users/{user_id}/totp" in "Users" {
        caller: SecretKey,
        path: UserId,
        output: CredentialRemoved, "The user has no TOTP secret.",
        headers: IF_MATCH | DRY_RUN | IDEMPOTENT | CONSEQUENCES,
        adds: [400, 401, 422],
        shares: [500],
        run: delete_totp,
    }

    /// Delete the backup codes of a user
    ///
    /// If the user has none, nothing changes.
    DeleteBackupCode: DELETE "/v1/users/{user_id}/backup_code" in "Users" {
        caller: SecretKey,
        path: UserId,
        output: CredentialRemoved, "The user has no backup codes.",
        headers: IF_MATCH | DRY_RUN | IDEMPOTENT | CONSEQUENCES,
        adds: [400, 401, 422],
        shares: [500],
        run: delete_backup_codes,
    }
}

async fn verify_password(call: Call<SecretKey, UserId, VerifyPasswordParams>) -> Result<Answer, Failure> {
    let input = call.read()?.finish()?;
    let typed = Password::typed(&input.password);
    let facts = call.facts().await?;
    Writing::of(&call)?.verify_password(&call.path, typed, &facts.settings).await
}

async fn verify_totp(call: Call<SecretKey, UserId, VerifyTotpParams>) -> Result<Answer, Failure> {
    let input = call.read()?.finish()?;
    let facts = call.facts().await?;
    Writing::of(&call)?.verify_code(&call.path, &input.code, &facts.settings).await
}

async fn remove_password(call: Call<SecretKey, UserId, RemovePasswordParams>) -> Result<Answer, Failure> {
    let input = call.read()?.finish()?;
    let signs_out = input.sign_out_of_other_sessions == Some(true);
    change(&call, |user, env| Ok(user.remove_password(env)), signs_out).await
}

async fn set_compromised(call: Call<SecretKey, UserId, SetCompromisedParams>) -> Result<Answer, Failure> {
    let input = call.read()?.finish()?;
    require_passwords(&call).await?;
    let revokes = input.revoke_all_sessions == Some(true);
    change(&call, |user, env| user.set_password_compromised(true, env), revokes).await
}

async fn unset_compromised(call: Call<SecretKey, UserId>) -> Result<Answer, Failure> {
    require_passwords(&call).await?;
    change(&call, |user, env| user.set_password_compromised(false, env), false).await
}

async fn delete_totp(call: Call<SecretKey, UserId>) -> Result<Answer, Failure> {
    remove(&call, User::remove_totp).await
}

async fn delete_backup_codes(call: Call<SecretKey, UserId>) -> Result<Answer, Failure> {
    remove(&call, User::remove_backup_codes).await
}

async fn require_passwords<I>(call: &Call<SecretKey, UserId, I>) -> Result<(), Failure> {
    let is_on = call.facts().await?.settings.first_factors.password;
    if is_on { Ok(()) } else { Err(Refusal::PasswordDisabled.into()) }
}

async fn change<I>(
    call: &Call<SecretKey, UserId, I>,
    decide: impl Fn(&User, &mut Env) -> Result<Change, Refusal> + Send + Sync,
    signs_out: bool,
) -> Result<Answer, Failure> {
    // Without a password nothing happens at all.
    let of_password = |user: &User| user.credentials.password.is_some().then_some(Ending::Revoked);
    let shown = call.shown().await?;
    Writing::of(call)?
        .change_signing_out(
            Target::User(call.path.clone(), &[]),
            |loaded, env| decide(&loaded.user, env).map(Decision::Change),
            signs_out.then_some(of_password),
            |_, decision| render_changed(decision, shown),
        )
        .await
}

async fn remove(
    call: &Call<SecretKey, UserId>,
    decide: impl Fn(&User, &mut Env) -> Change + Send + Sync,
) -> Result<Answer, Failure> {
    Writing::of(call)?
        .change(
            Target::User(call.path.clone(), &[]),
            |loaded, env| Ok(Decision::Change(decide(&loaded.user, env))),
            |user, _| Answer::json(&CredentialRemoved { user_id: user.id.to_string() }),
        )
        .await
}
