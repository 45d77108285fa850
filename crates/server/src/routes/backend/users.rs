//! `/v1/users`.

use super::identifications::status_from;
use crate::answer::Answer;
use crate::context::ApiVersion;
use crate::error::Failure;
use crate::extract::{Fields, Query, UnknownFields, address_with_plus, number_with_plus};
use crate::http_reasons::{
    ARRAY_LENGTH_MISMATCH, BULK_TOO_LARGE, PARAM_NAMES_NOTHING, disallowed, value_invalid, value_too_large,
};
use crate::ops::{Decision, Target, Writing};
use crate::render;
use crate::routes::call::Call;
use verger_core::metadata::{Unfit, UnfitReason};
use verger_core::user::{IDENTIFICATIONS_MAX, IdentificationStatus, MetadataChange, NewUser, ProfileChange};
use verger_core::{
    Change, E164, Email, Env, Identifier, IdentifierKind, Malformed, User, Username, metadata, phone_number,
    profile,
};
use verger_store::{Direction, OrderBy, Sign, UserFilter, UserPage};
use verger_wire::page::{LIMIT_DEFAULT, LIMIT_MAX};
use verger_wire::{MfaDisabled, Patch, Refused, TotalCount, UnixMillis, UserId};

/// Values that one filter may have.
const FILTER_VALUES_MAX: usize = 100;
/// The most characters of a partial match.
const QUERY_CHARACTERS_MAX: usize = 256;
/// Users in one bulk request.
const BULK_USERS_MAX: usize = 50;

pub(crate) async fn get(call: Call) -> Result<Answer, Failure> {
    let id = UserId::from(call.id.as_str());
    let scoped = call.app.store.instance(&call.context.instance.id);
    let user =
        scoped.load_user(&id, call.context.deadline).await?.ok_or_else(|| Failure::not_found("user"))?;
    let mut answer = render_user(&user, call.now())?;
    // A code ends without a new version.
    let may_end = user.identifications.iter().any(|held| held.pending_code.is_some());
    answer.is_not_modified = !may_end && call.has_version(user.version);
    Ok(answer)
}

pub(crate) async fn list(call: Call) -> Result<Answer, Failure> {
    let mut query = call.query()?;
    let filter = read_filter(&mut query);
    let page = read_page(&mut query);
    query.finish()?;
    let scoped = call.app.store.instance(&call.context.instance.id);
    let Some(users) = scoped.list_users(&filter, &page, call.context.deadline).await? else {
        return Err(Refused::new(&PARAM_NAMES_NOTHING).param("starting_after").into());
    };
    let now = call.now();
    Answer::json(&users.iter().map(|user| render::user(user, now)).collect::<Vec<_>>())
}

pub(crate) async fn count(call: Call) -> Result<Answer, Failure> {
    let mut query = call.query()?;
    let filter = read_filter(&mut query);
    // The same parameters as for the list may be sent; a page does not change a count.
    for name in ["limit", "offset", "order_by", "starting_after"] {
        query.all(name);
    }
    query.finish()?;
    let scoped = call.app.store.instance(&call.context.instance.id);
    let count = scoped.count_users(&filter, call.context.deadline).await?;
    Answer::json(&TotalCount::new(count))
}

pub(crate) async fn create(call: Call) -> Result<Answer, Failure> {
    let mut fields = call.fields()?;
    let test_numbers = call.context.test_numbers();
    let mut identifications = Vec::new();
    read_identifiers(
        &mut fields,
        "email_address",
        "email_address_identification_status",
        &mut identifications,
        |text| Email::parse(text).map(Identifier::Email),
    );
    read_identifiers(
        &mut fields,
        "phone_number",
        "phone_number_identification_status",
        &mut identifications,
        |text| E164::parse(text, test_numbers).map(Identifier::Phone),
    );
    let mut profile = read_profile(&mut fields);
    read_metadata(&mut fields, &mut profile);
    let created_at = read_date(&mut fields, "created_at").set();
    let banned = fields.flag("banned").unwrap_or(false);
    let locked = fields.flag("locked").unwrap_or(false);
    let skip_user_requirement = fields.flag("skip_user_requirement").unwrap_or(false);
    fields.skip_flags(&["skip_password_checks", "skip_password_requirement", "skip_legal_checks"]);
    fields.not_built(&[
        "web3_wallet",
        "password",
        "password_digest",
        "password_hasher",
        "totp_secret",
        "backup_codes",
    ]);
    fields.finish(UnknownFields::Refused)?;
    let mut texts: Vec<(IdentifierKind, String)> = identifications
        .iter()
        .map(|(identifier, _)| (identifier.kind(), identifier.as_str().to_owned()))
        .collect();
    texts.extend(profile_texts(&profile));
    let new = NewUser { identifications, skip_user_requirement, profile, created_at, banned, locked };
    Writing::of(&call)?.create(new, &texts, |user| render_user(user, call.now())).await
}

pub(crate) async fn update(call: Call) -> Result<Answer, Failure> {
    let mut fields = call.fields()?;
    let mut profile = read_profile(&mut fields);
    profile.primary_phone_number_id = fields.text("primary_phone_number_id").map(Into::into);
    profile.primary_email_address_id = fields.text("primary_email_address_id").map(Into::into);
    profile.created_at = read_date(&mut fields, "created_at").set();
    if call.context.version < ApiVersion::METADATA_MOVED {
        read_metadata(&mut fields, &mut profile);
    }
    fields.skip_flags(&["skip_password_checks", "skip_legal_checks"]);
    fields.not_built(&[
        "notify_primary_email_address_changed",
        "primary_web3_wallet_id",
        "profile_image_id",
        "password",
        "password_digest",
        "password_hasher",
        "sign_out_of_other_sessions",
        "totp_secret",
        "backup_codes",
    ]);
    fields.finish(UnknownFields::Refused)?;
    let texts = profile_texts(&profile);
    Writing::of(&call)?
        .change(
            Target::User(UserId::from(call.id.as_str()), &texts),
            |loaded, env| loaded.user.update(profile.clone(), &loaded.claims, env).map(Decision::Change),
            |_, decision| render_changed(decision, call.now()),
        )
        .await
}

pub(crate) async fn delete(call: Call) -> Result<Answer, Failure> {
    Writing::of(&call)?
        .change(
            Target::User(UserId::from(call.id.as_str()), &[]),
            |_, _| Ok(Decision::Deletion),
            |user, _| Answer::json(&render::deleted(user.id.as_str(), "user")),
        )
        .await
}

pub(crate) async fn merge_metadata(call: Call) -> Result<Answer, Failure> {
    let change = read_metadata_change(&call)?;
    Writing::of(&call)?
        .change(
            Target::User(UserId::from(call.id.as_str()), &[]),
            |loaded, env| loaded.user.merge_metadata(&change, env).map(Decision::Change),
            |_, decision| render_changed(decision, call.now()),
        )
        .await
}

pub(crate) async fn replace_metadata(call: Call) -> Result<Answer, Failure> {
    let change = read_metadata_change(&call)?;
    Writing::of(&call)?
        .change(
            Target::User(UserId::from(call.id.as_str()), &[]),
            |loaded, env| loaded.user.replace_metadata(change.clone(), env).map(Decision::Change),
            |_, decision| render_changed(decision, call.now()),
        )
        .await
}

pub(crate) async fn ban(call: Call) -> Result<Answer, Failure> {
    change_one(&call, |user, env| user.set_banned(true, env)).await
}

pub(crate) async fn unban(call: Call) -> Result<Answer, Failure> {
    change_one(&call, |user, env| user.set_banned(false, env)).await
}

pub(crate) async fn lock(call: Call) -> Result<Answer, Failure> {
    change_one(&call, |user, env| user.set_locked(true, env)).await
}

pub(crate) async fn unlock(call: Call) -> Result<Answer, Failure> {
    change_one(&call, |user, env| user.set_locked(false, env)).await
}

pub(crate) async fn ban_many(call: Call) -> Result<Answer, Failure> {
    change_many(&call, true).await
}

pub(crate) async fn unban_many(call: Call) -> Result<Answer, Failure> {
    change_many(&call, false).await
}

pub(crate) async fn disable_mfa(call: Call) -> Result<Answer, Failure> {
    Writing::of(&call)?
        .change(
            Target::User(UserId::from(call.id.as_str()), &[]),
            |loaded, env| Ok(Decision::Change(loaded.user.disable_mfa(env))),
            |user, _| Answer::json(&MfaDisabled { user_id: user.id.to_string() }),
        )
        .await
}

async fn change_one(call: &Call, decide: impl Fn(&User, &mut Env) -> Change) -> Result<Answer, Failure> {
    Writing::of(call)?
        .change(
            Target::User(UserId::from(call.id.as_str()), &[]),
            |loaded, env| Ok(Decision::Change(decide(&loaded.user, env))),
            |_, decision| render_changed(decision, call.now()),
        )
        .await
}

async fn change_many(call: &Call, banned: bool) -> Result<Answer, Failure> {
    let mut fields = call.fields()?;
    let ids = fields.patch_texts("user_ids", usize::MAX);
    let ids = fields.needed("user_ids", ids);
    if ids.as_ref().is_some_and(Vec::is_empty) {
        fields.problem("user_ids", value_invalid("must have at least one id"));
    }
    fields.finish(UnknownFields::Ignored)?;
    let ids = ids.unwrap_or_default();
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
    Writing::of(call)?
        .change_many(
            &unique,
            |user, env| user.set_banned(banned, env),
            |users| {
                let now = call.now();
                Answer::json(&users.iter().map(|user| render::user(user, now)).collect::<Vec<_>>())
            },
        )
        .await
}

fn render_user(user: &User, now: UnixMillis) -> Result<Answer, Failure> {
    Ok(Answer::json(&render::user(user, now))?.tagged(user.version))
}

fn render_changed(decision: &Decision, now: UnixMillis) -> Result<Answer, Failure> {
    match decision {
        Decision::Change(change) => render_user(&change.user, now),
        Decision::Deletion => Err(Failure::Bug("a deleted user has no form".to_owned())),
    }
}

/// The texts of a profile that must be the user's alone.
fn profile_texts(profile: &ProfileChange) -> Vec<(IdentifierKind, String)> {
    let mut texts = Vec::new();
    if let Patch::Set(username) = &profile.username {
        texts.push((IdentifierKind::Username, username.key()));
    }
    if let Patch::Set(external_id) = &profile.external_id {
        texts.push((IdentifierKind::ExternalId, external_id.clone()));
    }
    texts
}

fn read_identifiers(
    fields: &mut Fields,
    name: &'static str,
    status_name: &'static str,
    found: &mut Vec<(Identifier, IdentificationStatus)>,
    parse: impl Fn(&str) -> Result<Identifier, Malformed>,
) {
    let texts = fields.texts(name, IDENTIFICATIONS_MAX).unwrap_or_default();
    let statuses = fields.texts(status_name, IDENTIFICATIONS_MAX).unwrap_or_default();
    if !statuses.is_empty() && statuses.len() != texts.len() {
        let (length, other_length) = (statuses.len(), texts.len());
        fields.problem(
            status_name,
            Refused::new(&ARRAY_LENGTH_MISMATCH)
                .with("other", name)
                .with("length", length.to_string())
                .with("other_length", other_length.to_string()),
        );
    }
    for (at, text) in texts.iter().take(IDENTIFICATIONS_MAX).enumerate() {
        let status = match statuses.get(at) {
            None => IdentificationStatus::Verified,
            Some(text) => status_from(text, false).unwrap_or_else(|| {
                fields.problem(status_name, value_invalid("must be verified or reserved"));
                IdentificationStatus::Verified
            }),
        };
        if let Some(identifier) = fields.judge(name, parse(text)) {
            found.push((identifier, status));
        }
    }
}

fn read_profile(fields: &mut Fields) -> ProfileChange {
    let username = match fields.patch_text("username") {
        // The empty text removes it, as null does.
        Patch::Set(text) if text.is_empty() => Patch::Null,
        Patch::Set(text) => {
            fields.judge("username", Username::parse(&text)).map_or(Patch::Absent, Patch::Set)
        }
        Patch::Null => Patch::Null,
        Patch::Absent => Patch::Absent,
    };
    ProfileChange {
        external_id: read_text(fields, "external_id", profile::check_external_id),
        username,
        first_name: read_text(fields, "first_name", profile::check_text),
        last_name: read_text(fields, "last_name", profile::check_text),
        locale: read_text(fields, "locale", profile::check_locale),
        delete_self_enabled: fields.flag("delete_self_enabled"),
        create_organization_enabled: fields.flag("create_organization_enabled"),
        create_organizations_limit: fields.patch_count("create_organizations_limit"),
        legal_accepted_at: read_date(fields, "legal_accepted_at"),
        bypass_client_trust: fields.flag("bypass_client_trust"),
        ..ProfileChange::default()
    }
}

fn read_text(
    fields: &mut Fields,
    name: &'static str,
    check: impl Fn(&str) -> Result<(), Malformed>,
) -> Patch<String> {
    let text = fields.patch_text(name);
    if let Patch::Set(value) = &text {
        let judged = check(value);
        fields.judge(name, judged);
    }
    text
}

fn read_date(fields: &mut Fields, name: &'static str) -> Patch<UnixMillis> {
    match fields.patch_text(name) {
        Patch::Set(text) => fields.judge(name, profile::parse_date(&text)).map_or(Patch::Absent, Patch::Set),
        Patch::Null => Patch::Null,
        Patch::Absent => Patch::Absent,
    }
}

fn read_object(fields: &mut Fields, name: &'static str) -> Option<metadata::Metadata> {
    let object = fields.object(name)?;
    let judged = metadata::check(&object);
    fields.judge(name, judged);
    if let Err(Unfit { path, why }) = metadata::check_values(&object) {
        let why = match why {
            UnfitReason::NumberOutOfRange => format!(
                "has a number out of range at {path}: most readers keep numbers as 64-bit floating point, which ends at \
                 1.8e308"
            ),
            UnfitReason::NumberTooLong { length } => format!(
                "has a number of {length} characters at {path}: there may be at most {}",
                metadata::NUMBER_CHARACTERS_MAX
            ),
            UnfitReason::KeyReserved => {
                format!(
                    "has a key that begins with $serde_json::private:: at {path}, which clients in Rust cannot read"
                )
            }
        };
        fields.problem(name, value_invalid(why));
    }
    Some(object)
}

fn read_metadata(fields: &mut Fields, profile: &mut ProfileChange) {
    profile.public_metadata = read_object(fields, "public_metadata");
    profile.private_metadata = read_object(fields, "private_metadata");
    profile.unsafe_metadata = read_object(fields, "unsafe_metadata");
}

fn read_metadata_change(call: &Call) -> Result<MetadataChange, Failure> {
    let mut fields = call.fields()?;
    let change = MetadataChange {
        public_metadata: read_object(&mut fields, "public_metadata"),
        private_metadata: read_object(&mut fields, "private_metadata"),
        unsafe_metadata: read_object(&mut fields, "unsafe_metadata"),
    };
    fields.finish(UnknownFields::Refused)?;
    Ok(change)
}

fn read_filter(query: &mut Query) -> UserFilter {
    query.not_built(&[
        "web3_wallet",
        "organization_id",
        "last_active_at_before",
        "last_active_at_after",
        "last_active_at_since",
        "last_sign_in_at_before",
        "last_sign_in_at_after",
        "provider",
        "provider_user_id",
    ]);
    // No address, username or id has blanks at its ends.
    let lower = |values: Vec<String>| values.iter().map(|value| value.trim().to_lowercase()).collect();
    let phone_numbers = query
        .texts("phone_number", FILTER_VALUES_MAX)
        // What cannot be a number matches nobody.
        .map(|values| {
            values.iter().flat_map(|text| phone_number::stored_forms(&number_with_plus(text))).collect()
        });
    let mut part = |name| query.search(name, QUERY_CHARACTERS_MAX);
    let (any, email_address_query) = (part("query"), part("email_address_query"));
    let email_address_query = email_address_query.map(|part| address_with_plus(&part));
    let phone_number_query = part("phone_number_query").map(|part| without_separators(&part));
    let (username_query, name_query) = (part("username_query"), part("name_query"));
    // Nothing has a part without anything in it; to ask for it must not find them all.
    let parts = [&any, &email_address_query, &phone_number_query, &username_query, &name_query];
    let has_empty_part = parts.into_iter().flatten().any(String::is_empty);
    UserFilter {
        email_addresses: query.texts("email_address", FILTER_VALUES_MAX).map(|values| {
            values.iter().map(|value| address_with_plus(value.trim()).to_lowercase()).collect()
        }),
        phone_numbers: if has_empty_part { Some(Vec::new()) } else { phone_numbers },
        external_ids: query.texts("external_id", FILTER_VALUES_MAX).map(signed),
        usernames: query.texts("username", FILTER_VALUES_MAX).map(lower),
        user_ids: query
            .texts("user_id", FILTER_VALUES_MAX)
            .map(|ids| signed(ids).into_iter().map(|(sign, id)| (sign, id.trim().to_owned())).collect()),
        query_as_number: any.as_deref().and_then(as_number),
        query: any,
        email_address_query,
        phone_number_query,
        username_query,
        name_query,
        banned: query.flag("banned"),
        created_before: moment(query, "created_at_before"),
        created_after: moment(query, "created_at_after"),
    }
}

/// A search that may be for a part of a number, as it is stored; `None` if it has other characters, or no separators.
fn as_number(part: &str) -> Option<String> {
    let number = without_separators(part);
    let is_number = number.bytes().any(|byte| byte.is_ascii_digit())
        && number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'+');
    (is_number && number != part).then_some(number)
}

/// No moment is out of range, so that words on the range would help nobody.
fn moment(query: &mut Query, name: &'static str) -> Option<UnixMillis> {
    let text = query.text(name)?;
    if let Ok(moment) = text.parse() {
        return Some(UnixMillis(moment));
    }
    let words = "must be a moment in Unix milliseconds, such as 1735689600000".to_owned();
    let digits = text.trim_start_matches(['+', '-']);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    query.problem(name, if is_number { value_too_large(words) } else { value_invalid(words) });
    None
}

fn without_separators(part: &str) -> String {
    part.chars().filter(|character| !matches!(character, ' ' | '-' | '.' | '(' | ')')).collect()
}

/// `+` and `-` before a value include and exclude; a bare `+` in a query is a space.
fn signed(values: Vec<String>) -> Vec<(Sign, String)> {
    values
        .into_iter()
        .map(|value| match value.as_bytes().first() {
            Some(b'+' | b' ') => (Sign::Include, value[1..].to_owned()),
            Some(b'-') => (Sign::Exclude, value[1..].to_owned()),
            _ => (Sign::Include, value),
        })
        .collect()
}

fn read_page(query: &mut Query) -> UserPage {
    let limit = query.integer("limit", 1, LIMIT_MAX).unwrap_or(LIMIT_DEFAULT);
    let offset = query.integer("offset", 0, i64::MAX).unwrap_or(0);
    let starting_after = query.text("starting_after").map(|id| id.trim().to_owned());
    let starting_after = starting_after.filter(|id| !id.is_empty()).map(UserId::from);
    let order = query.text("order_by").filter(|order| !order.is_empty());
    let order = order.as_deref().unwrap_or("-created_at");
    let (direction, name) = match order.as_bytes().first() {
        Some(b'-') => (Direction::Descending, &order[1..]),
        Some(b'+' | b' ') => (Direction::Ascending, &order[1..]),
        _ => (Direction::Ascending, order),
    };
    let order_by = match name {
        "created_at" => OrderBy::CreatedAt,
        "updated_at" => OrderBy::UpdatedAt,
        "email_address" => OrderBy::EmailAddress,
        "phone_number" => OrderBy::PhoneNumber,
        "first_name" => OrderBy::FirstName,
        "last_name" => OrderBy::LastName,
        "username" => OrderBy::Username,
        // Nobody has such a value yet, so all are equal.
        "web3wallet" | "last_active_at" | "last_sign_in_at" => OrderBy::Id,
        _ => {
            let why = "must be created_at, updated_at, email_address, web3wallet, first_name, last_name, phone_number, \
                       username, last_active_at or last_sign_in_at, with + or - before it";
            query.problem("order_by", value_invalid(why));
            OrderBy::CreatedAt
        }
    };
    if starting_after.is_some() && order_by != OrderBy::CreatedAt {
        let why = "can be used only when ordered by created_at";
        query.problem("starting_after", disallowed(why));
    }
    if starting_after.is_some() && offset != 0 {
        query.problem("starting_after", disallowed("cannot be combined with offset"));
    }
    UserPage { limit, offset, starting_after, order_by, direction }
}
