//! Users.

mod credentials;
mod fields;
mod list;

use self::credentials::CredentialFields;
pub(super) use self::fields::judge_object;
use self::fields::{ProfileFields, judge_date, judge_metadata, profile_texts, read_identifications};
use self::list::{filter_of, read_page};
use crate::answer::Answer;
use crate::call::{Call, KeyRequest};
use crate::caller::SecretKey;
use crate::engine::{Decision, Target, Writing};
use crate::error::Failure;
use crate::operation::operations;
use crate::reasons::*;
use crate::render::{self, Shown};
use verger_core::credentials::judge_requirement;
use verger_core::session::Ending;
use verger_core::user::NewUser;
use verger_core::{Change, Env, IdentifierKind, User};
use verger_http::input::Read;
use verger_wire as wire;
use verger_wire::user::{CreateUserParams, MetadataParams, UpdateUserParams, UserIdsParams};
use verger_wire::user_list::{UserCountParams, UserListParams};
use verger_wire::{DeletedObject, MfaDisabled, Patch, Refused, TotalCount, UserId};

/// The most users of one bulk request.
const BULK_USERS_MAX: usize = 50;

operations! {
    /// List users
    ///
    /// A user must match every filter. Repeat a parameter for several values (`user_id=a&user_id=b`) or use brackets
    /// (`user_id[]=a`); values without a match are ignored.
    ///
    /// Page through long lists with the id of the last user of a page as `starting_after` of the next: every page then
    /// costs the same.
    GetUserList: GET "/v1/users" in "Users" {
        caller: SecretKey,
        input: UserListParams,
        output: Vec<wire::User>, "The users, as a JSON array.",
        refuses: [PARAM_DISALLOWED, TOO_LONG],
        run: list,
    }

    /// Create a user
    ///
    /// Creates the user with everything given, or fails as a whole. Addresses and numbers are verified unless their
    /// status says `reserved`. At least one address, number or username is required, unless `skip_user_requirement` is
    /// true.
    CreateUser: POST "/v1/users" in "Users" {
        caller: SecretKey,
        input: CreateUserParams,
        output: wire::User, "The new user.",
        headers: TAGGED | IF_MATCH | DRY_RUN | IDEMPOTENT | CONSEQUENCES,
        refuses: [
            IDENTIFICATION_MISSING, FORMAT_INVALID, USERNAME_LENGTH, USERNAME_CHARACTER,
            USERNAME_ALL_DIGITS, TOO_LONG, TOO_SHORT, TIME_INVALID, TIME_OUT_OF_RANGE, METADATA_TOO_LARGE,
            ARRAY_LENGTH_MISMATCH, PHONE_NUMBER_TAKEN, EMAIL_ADDRESS_TAKEN, USERNAME_TAKEN,
            EXTERNAL_ID_TAKEN, PASSWORD_TOO_SHORT, PASSWORD_TOO_LONG, PASSWORD_TOO_MANY_BYTES,
            PASSWORD_NO_LOWERCASE, PASSWORD_NO_UPPERCASE, PASSWORD_NO_NUMBER, PASSWORD_NO_SPECIAL_CHARACTER,
            PASSWORD_MATCHES_IDENTIFIER, PASSWORD_PWNED, PASSWORD_DIGEST_INVALID, TOTP_SECRET_INVALID,
            PASSWORD_MISSING, PASSWORD_IS_ONLY_WAY, PASSWORD_DISABLED, CREDENTIAL_DISABLED, PASSWORD_QUEUE_FULL,
        ],
        adds: [429],
        run: create,
    }

    /// Count users
    ///
    /// The number of users that match. Takes the filters of the list.
    GetUsersCount: GET "/v1/users/count" in "Users" {
        caller: SecretKey,
        input: UserCountParams,
        output: TotalCount, "The count.",
        refuses: [TOO_LONG],
        adds: [400, 401],
        run: count,
    }

    /// Read a user
    ///
    /// The user with all identifications.
    GetUser: GET "/v1/users/{user_id}" in "Users" {
        caller: SecretKey,
        path: UserId,
        output: wire::User, "The user.",
        headers: TAGGED | NOT_MODIFIED,
        run: get,
    }

    /// Update a user
    ///
    /// Changes the given fields only. If one is refused, nothing changes.
    ///
    /// With an API version before `2026-05-12` the body may also have `public_metadata`, `private_metadata` and
    /// `unsafe_metadata`, each of which replaces the whole object. From that version on, use the metadata operations.
    UpdateUser: PATCH "/v1/users/{user_id}" in "Users" {
        caller: SecretKey,
        path: UserId,
        input: UpdateUserParams,
        output: wire::User, "The updated user.",
        headers: TAGGED | IF_MATCH | DRY_RUN | IDEMPOTENT | CONSEQUENCES,
        refuses: [
            LAST_IDENTIFICATION, FORMAT_INVALID, USERNAME_LENGTH, USERNAME_CHARACTER, USERNAME_ALL_DIGITS,
            TOO_LONG, TOO_SHORT, TIME_INVALID, TIME_OUT_OF_RANGE, METADATA_TOO_LARGE, USERNAME_TAKEN,
            EXTERNAL_ID_TAKEN, NOT_THE_USERS, NEEDS_VERIFICATION, PASSWORD_TOO_SHORT, PASSWORD_TOO_LONG,
            PASSWORD_TOO_MANY_BYTES, PASSWORD_NO_LOWERCASE, PASSWORD_NO_UPPERCASE, PASSWORD_NO_NUMBER,
            PASSWORD_NO_SPECIAL_CHARACTER, PASSWORD_MATCHES_IDENTIFIER, PASSWORD_PWNED, PASSWORD_DIGEST_INVALID,
            TOTP_SECRET_INVALID, PASSWORD_DISABLED, CREDENTIAL_DISABLED, PASSWORD_QUEUE_FULL,
        ],
        adds: [403, 429],
        run: update,
    }

    /// Delete a user
    ///
    /// Deletes the user with all identifications and sessions. Their addresses, numbers and username become available again at once.
    DeleteUser: DELETE "/v1/users/{user_id}" in "Users" {
        caller: SecretKey,
        path: UserId,
        output: DeletedObject, "The object was deleted.",
        headers: IF_MATCH | DRY_RUN | IDEMPOTENT | CONSEQUENCES,
        adds: [422],
        run: delete,
    }

    /// Merge metadata of a user
    ///
    /// Merges each given object into the stored one, to any depth: a key with null is removed, an object is merged,
    /// anything else replaces. Objects that are not given are left unchanged.
    UpdateUserMetadata: PATCH "/v1/users/{user_id}/metadata" in "Users" {
        caller: SecretKey,
        path: UserId,
        input: MetadataParams,
        output: wire::User, "The updated user.",
        headers: TAGGED | IF_MATCH | DRY_RUN | IDEMPOTENT | CONSEQUENCES,
        refuses: [FORMAT_INVALID, METADATA_TOO_LARGE],
        run: merge_metadata,
    }

    /// Replace metadata of a user
    ///
    /// Replaces each given object as a whole. Objects that are not given are left unchanged.
    ReplaceUserMetadata: PUT "/v1/users/{user_id}/metadata" in "Users" {
        caller: SecretKey,
        path: UserId,
        input: MetadataParams,
        output: wire::User, "The updated user.",
        headers: TAGGED | IF_MATCH | DRY_RUN | IDEMPOTENT | CONSEQUENCES,
        refuses: [FORMAT_INVALID, METADATA_TOO_LARGE],
        run: replace_metadata,
    }

    /// Ban a user
    ///
    /// The user cannot sign in until unbanned, all of their sessions are revoked, and their pending codes are cancelled. Banning a banned user
    /// changes nothing.
    BanUser: POST "/v1/users/{user_id}/ban" in "Users" {
        caller: SecretKey,
        path: UserId,
        output: wire::User, "The updated user.",
        headers: TAGGED | IF_MATCH | DRY_RUN | IDEMPOTENT | CONSEQUENCES,
        adds: [400, 401, 404, 422],
        run: ban,
    }

    /// Unban a user
    ///
    /// The user can sign in again. Unbanning a user who is not banned changes nothing.
    UnbanUser: POST "/v1/users/{user_id}/unban" in "Users" {
        caller: SecretKey,
        path: UserId,
        output: wire::User, "The updated user.",
        headers: TAGGED | IF_MATCH | DRY_RUN | IDEMPOTENT | CONSEQUENCES,
        adds: [400, 401, 404, 422],
        run: unban,
    }

    /// Lock a user
    ///
    /// The user cannot sign in until unlocked. Locking a locked user changes nothing.
    LockUser: POST "/v1/users/{user_id}/lock" in "Users" {
        caller: SecretKey,
        path: UserId,
        output: wire::User, "The updated user.",
        headers: TAGGED | IF_MATCH | DRY_RUN | IDEMPOTENT | CONSEQUENCES,
        adds: [400, 401, 404, 422],
        run: lock,
    }

    /// Unlock a user
    ///
    /// The user can sign in again, unless banned: neither a lock nor wrong tries of a password, an authenticator or backup codes
    /// count any more. Of a user who is not locked only the tries are forgotten.
    UnlockUser: POST "/v1/users/{user_id}/unlock" in "Users" {
        caller: SecretKey,
        path: UserId,
        output: wire::User, "The updated user.",
        headers: TAGGED | IF_MATCH | DRY_RUN | IDEMPOTENT | CONSEQUENCES,
        adds: [400, 401, 404, 422],
        run: unlock,
    }

    /// Ban several users
    ///
    /// Bans all of them or, if one id is unknown, none.
    UsersBan: POST "/v1/users/ban" in "Users" {
        caller: SecretKey,
        input: UserIdsParams,
        output: Vec<wire::User>, "The users, as a JSON array.",
        headers: IF_MATCH | DRY_RUN | IDEMPOTENT,
        refuses: [BULK_TOO_LARGE, NOT_FOUND],
        adds: [401, 404, 422],
        run: ban_many,
    }

    /// Unban several users
    ///
    /// Unbans all of them or, if one id is unknown, none.
    UsersUnban: POST "/v1/users/unban" in "Users" {
        caller: SecretKey,
        input: UserIdsParams,
        output: Vec<wire::User>, "The users, as a JSON array.",
        headers: IF_MATCH | DRY_RUN | IDEMPOTENT,
        refuses: [BULK_TOO_LARGE, NOT_FOUND],
        adds: [401, 404, 422],
        run: unban_many,
    }

    /// Disable MFA for a user
    ///
    /// Removes every second factor of the user; the numbers themselves stay. If the user has none, nothing changes.
    DisableMFA: DELETE "/v1/users/{user_id}/mfa" in "Users" {
        caller: SecretKey,
        path: UserId,
        output: MfaDisabled, "MFA is off.",
        headers: IF_MATCH | DRY_RUN | IDEMPOTENT | CONSEQUENCES,
        adds: [400, 401, 422],
        shares: [500],
        run: disable_mfa,
    }
}

async fn get(call: Call<SecretKey, UserId>) -> Result<Answer, Failure> {
    let scoped = call.app.store.instance(&call.context.instance.id);
    let user = scoped
        .load_user(&call.path, call.context.deadline)
        .await?
        .ok_or_else(|| Failure::not_found("user"))?;
    let mut answer = render_user(&user, call.shown().await?)?;
    // A code expires without a new version of its user; wrong tries are counted without one, and so is what users do.
    let may_expire = user.identifications.iter().any(|held| held.pending_code.is_some());
    let was_here = user.last_sign_in_at.or(user.last_active_at).is_some();
    let is_quiet = !may_expire && !was_here && user.credentials.failed_attempts == 0;
    answer.is_not_modified = is_quiet && call.has_version(user.version);
    Ok(answer)
}

async fn list(call: Call<SecretKey, (), UserListParams>) -> Result<Answer, Failure> {
    let mut input = call.read()?;
    let filter = filter_of(&input.filter);
    let page = read_page(&mut input);
    input.finish()?;
    let scoped = call.app.store.instance(&call.context.instance.id);
    let Some(users) = scoped.list_users(&filter, &page, call.context.deadline).await? else {
        return Err(Refused::new(&PARAM_NAMES_NOTHING).param("starting_after").into());
    };
    let shown = call.shown().await?;
    Answer::json(&users.iter().map(|user| render::shown_user(user, shown)).collect::<Vec<_>>())
}

async fn count(call: Call<SecretKey, (), UserCountParams>) -> Result<Answer, Failure> {
    let filter = filter_of(&call.read()?.finish()?.filter);
    let scoped = call.app.store.instance(&call.context.instance.id);
    let count = scoped.count_users(&filter, call.context.deadline).await?;
    Answer::json(&TotalCount::new(count))
}

async fn create(call: Call<SecretKey, (), CreateUserParams>) -> Result<Answer, Failure> {
    let mut input = call.read()?;
    let identifications = read_identifications(&mut input, call.context.test_numbers());
    let facts = call.facts().await?;
    let settings = &facts.settings;
    let mut profile = input.take(ProfileFields::of_creation).judge(&mut input, settings);
    let credentials = input.take(CredentialFields::of_creation).judge(&mut input, settings);
    let created_at = input.take(|input| input.created_at.take().map_or(Patch::Absent, Patch::Set));
    let created_at = judge_date(&mut input, "created_at", created_at).set();
    let input = input.finish()?;
    let skip_requirement = input.skip_password_requirement.unwrap_or(false);
    judge_requirement(settings, credentials.has_password(), skip_requirement)?;
    profile.credentials = credentials.into_change(&call.app, settings).await?;
    let mut texts: Vec<(IdentifierKind, String)> = identifications
        .iter()
        .map(|(identifier, _)| (identifier.kind(), identifier.as_str().to_owned()))
        .collect();
    texts.extend(profile_texts(&profile));
    let new = NewUser {
        identifications,
        skip_user_requirement: input.skip_user_requirement.unwrap_or(false),
        profile,
        created_at,
        banned: input.banned.unwrap_or(false),
        locked: input.locked.unwrap_or(false),
    };
    let shown = call.shown().await?;
    Writing::of(&call)?.create(new, &texts, |user| render_user(user, shown)).await
}

async fn update(call: Call<SecretKey, UserId, UpdateUserParams>) -> Result<Answer, Failure> {
    let mut input = call.read()?;
    let facts = call.facts().await?;
    let settings = &facts.settings;
    let mut profile = input.take(ProfileFields::of_update).judge(&mut input, settings);
    let credentials = input.take(CredentialFields::of_update).judge(&mut input, settings);
    if input.sign_out_of_other_sessions == Some(true) && !credentials.has_password() {
        input.problem(
            "sign_out_of_other_sessions",
            value_invalid("can be true only together with a password"),
        );
    }
    let created_at = input.take(|input| input.created_at.take().map_or(Patch::Absent, Patch::Set));
    profile.created_at = judge_date(&mut input, "created_at", created_at).set();
    let input = input.finish()?;
    profile.primary_phone_number_id = input.primary_phone_number_id.map(Into::into);
    profile.primary_email_address_id = input.primary_email_address_id.map(Into::into);
    profile.credentials = credentials.into_change(&call.app, settings).await?;
    let signs_out = input.sign_out_of_other_sessions == Some(true);
    let texts = profile_texts(&profile);
    let shown = call.shown().await?;
    let ending = signs_out.then_some(|_: &User| Some(Ending::Revoked));
    Writing::of(&call)?
        .change_signing_out(
            Target::User(call.path.clone(), &texts),
            |loaded, env| loaded.user.update(profile.clone(), &loaded.claims, env).map(Decision::Change),
            ending,
            |_, decision| render_changed(decision, shown),
        )
        .await
}

async fn delete(call: Call<SecretKey, UserId>) -> Result<Answer, Failure> {
    Writing::of(&call)?
        .change_signing_out(
            Target::User(call.path.clone(), &[]),
            |_, _| Ok(Decision::Deletion),
            Some(|_: &User| Some(Ending::Removed)),
            |user, _| Answer::json(&render::deleted(user.id.as_str(), "user")),
        )
        .await
}

async fn merge_metadata(call: Call<SecretKey, UserId, MetadataParams>) -> Result<Answer, Failure> {
    let change = judge_metadata(call.read()?)?;
    let shown = call.shown().await?;
    Writing::of(&call)?
        .change(
            Target::User(call.path.clone(), &[]),
            |loaded, env| loaded.user.merge_metadata(&change, env).map(Decision::Change),
            |_, decision| render_changed(decision, shown),
        )
        .await
}

async fn replace_metadata(call: Call<SecretKey, UserId, MetadataParams>) -> Result<Answer, Failure> {
    let change = judge_metadata(call.read()?)?;
    let shown = call.shown().await?;
    Writing::of(&call)?
        .change(
            Target::User(call.path.clone(), &[]),
            |loaded, env| loaded.user.replace_metadata(change.clone(), env).map(Decision::Change),
            |_, decision| render_changed(decision, shown),
        )
        .await
}

async fn ban(call: Call<SecretKey, UserId>) -> Result<Answer, Failure> {
    let shown = call.shown().await?;
    Writing::of(&call)?
        .change_signing_out(
            Target::User(call.path.clone(), &[]),
            |loaded, env| Ok(Decision::Change(loaded.user.set_banned(true, env))),
            Some(|_: &User| Some(Ending::Revoked)),
            |_, decision| render_changed(decision, shown),
        )
        .await
}

async fn unban(call: Call<SecretKey, UserId>) -> Result<Answer, Failure> {
    change_one(&call, &call.path, |user, env| user.set_banned(false, env)).await
}

async fn lock(call: Call<SecretKey, UserId>) -> Result<Answer, Failure> {
    change_one(&call, &call.path, |user, env| user.set_locked(true, env)).await
}

async fn unlock(call: Call<SecretKey, UserId>) -> Result<Answer, Failure> {
    change_one(&call, &call.path, |user, env| user.set_locked(false, env)).await
}

async fn ban_many(call: Call<SecretKey, (), UserIdsParams>) -> Result<Answer, Failure> {
    change_many(&call, call.read()?, true).await
}

async fn unban_many(call: Call<SecretKey, (), UserIdsParams>) -> Result<Answer, Failure> {
    change_many(&call, call.read()?, false).await
}

async fn disable_mfa(call: Call<SecretKey, UserId>) -> Result<Answer, Failure> {
    Writing::of(&call)?
        .change(
            Target::User(call.path.clone(), &[]),
            |loaded, env| Ok(Decision::Change(loaded.user.disable_mfa(env))),
            |user, _| Answer::json(&MfaDisabled { user_id: user.id.to_string() }),
        )
        .await
}

async fn change_one(
    call: &KeyRequest,
    id: &UserId,
    decide: impl Fn(&User, &mut Env) -> Change + Send + Sync,
) -> Result<Answer, Failure> {
    let shown = call.shown().await?;
    Writing::of(call)?
        .change(
            Target::User(id.clone(), &[]),
            |loaded, env| Ok(Decision::Change(decide(&loaded.user, env))),
            |_, decision| render_changed(decision, shown),
        )
        .await
}

async fn change_many(
    call: &KeyRequest,
    mut input: Read<UserIdsParams>,
    banned: bool,
) -> Result<Answer, Failure> {
    if input.is_good("user_ids") && input.user_ids.is_empty() {
        input.problem("user_ids", value_invalid("must have at least one id"));
    }
    let ids = input.finish()?.user_ids;
    if ids.len() > BULK_USERS_MAX {
        return Err(Refused::new(&BULK_TOO_LARGE)
            .param("user_ids")
            .with("max", BULK_USERS_MAX.to_string())
            .with("length", ids.len().to_string())
            .into());
    }
    let mut unique: Vec<UserId> = Vec::new();
    for id in ids {
        let id = UserId::from(id);
        if !unique.contains(&id) {
            unique.push(id);
        }
    }
    let shown = call.shown().await?;
    Writing::of(call)?
        .change_many(
            &unique,
            banned.then_some(Ending::Revoked),
            |user, env| user.set_banned(banned, env),
            |users| {
                Answer::json(&users.iter().map(|user| render::shown_user(user, shown)).collect::<Vec<_>>())
            },
        )
        .await
}

fn render_user(user: &User, shown: Shown) -> Result<Answer, Failure> {
    Ok(Answer::json(&render::shown_user(user, shown))?.tagged(user.version))
}

/// The user after a change.
pub(super) fn render_changed(decision: &Decision, shown: Shown) -> Result<Answer, Failure> {
    match decision {
        Decision::Change(change) => render_user(&change.user, shown),
        Decision::Deletion => Err(Failure::Bug("a deleted user has no form".to_owned())),
    }
}
