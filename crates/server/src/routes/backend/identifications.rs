//! What phone numbers and email addresses have in common.

use crate::answer::Answer;
use crate::error::Failure;
use crate::extract::{Fields, UnknownFields};
use crate::http_reasons::value_invalid;
use crate::ops::{Decision, Target, Writing, object_name};
use crate::render;
use crate::routes::call::Call;
use verger_core::user::{IdentificationStatus, IdentificationUpdate, NewIdentification};
use verger_core::{Identification, Identifier, IdentifierKind, Malformed, Unit, User};
use verger_wire::{IdentificationId, UnixMillis, UserId, VerificationId};

/// A longer code is none that was ever sent.
const CODE_BYTES_MAX: usize = 64;

pub(super) async fn get(call: &Call, kind: IdentifierKind) -> Result<Answer, Failure> {
    let id = IdentificationId::from(call.id.as_str());
    let scoped = call.app.store.instance(&call.context.instance.id);
    let found = scoped.load_identification(&id, call.context.deadline).await?;
    let found = found
        .filter(|found| found.identification.identifier.kind() == kind)
        .ok_or_else(|| Failure::not_found(object_name(kind)))?;
    let mut answer = render_one(&found.identification, call.now())?.tagged(found.user_version);
    // A code ends without a new version.
    let may_end = found.identification.pending_code.is_some();
    answer.is_not_modified = !may_end && call.has_version(found.user_version);
    Ok(answer)
}

pub(super) async fn create(call: &Call, user_id: String, new: NewIdentification) -> Result<Answer, Failure> {
    let texts = [(new.identifier.kind(), new.identifier.as_str().to_owned())];
    let target = Target::User(UserId::from(user_id), &texts);
    Writing::of(call)?
        .change(
            target,
            |loaded, env| {
                loaded.user.add_identification(new.clone(), &loaded.claims, env).map(Decision::Change)
            },
            |_, decision| render_subject(decision, call.now()),
        )
        .await
}

pub(super) async fn update(
    call: &Call,
    kind: IdentifierKind,
    update: IdentificationUpdate,
) -> Result<Answer, Failure> {
    let id = IdentificationId::from(call.id.as_str());
    Writing::of(call)?
        .change(
            Target::Identification(id.clone(), kind),
            |loaded, env| {
                loaded.user.update_identification(&id, update, &loaded.claims, env).map(Decision::Change)
            },
            |_, decision| render_subject(decision, call.now()),
        )
        .await
}

pub(super) async fn delete(call: &Call, kind: IdentifierKind) -> Result<Answer, Failure> {
    let id = IdentificationId::from(call.id.as_str());
    Writing::of(call)?
        .change(
            Target::Identification(id.clone(), kind),
            |loaded, env| loaded.user.remove_identification(&id, env).map(Decision::Change),
            |_, _| Answer::json(&render::deleted(id.as_str(), kind.as_str())),
        )
        .await
}

pub(super) async fn replace(
    call: &Call,
    identifier: Identifier,
    status: IdentificationStatus,
) -> Result<Answer, Failure> {
    let texts = [(identifier.kind(), identifier.as_str().to_owned())];
    Writing::of(call)?
        .change(
            Target::User(UserId::from(call.id.as_str()), &texts),
            |loaded, env| {
                loaded
                    .user
                    .replace_identification(identifier.clone(), status, &loaded.claims, env)
                    .map(Decision::Change)
            },
            |_, decision| render_subject(decision, call.now()),
        )
        .await
}

/// Sends a code to a phone number or email address.
pub(super) async fn prepare(call: &Call, kind: IdentifierKind) -> Result<Answer, Failure> {
    let fields = call.fields()?;
    fields.finish(UnknownFields::Ignored)?;
    let id = IdentificationId::from(call.id.as_str());
    Writing::of(call)?.prepare_code(&id, kind).await
}

/// Attempts a code that was sent to a phone number or email address.
pub(super) async fn attempt(call: &Call, kind: IdentifierKind) -> Result<Answer, Failure> {
    let mut fields = call.fields()?;
    let verification_id = fields.required_text("verification_id");
    let code = fields.required_text("code");
    if code.len() > CODE_BYTES_MAX {
        let why = Malformed::TooLong { max: CODE_BYTES_MAX, length: code.len(), unit: Unit::Bytes };
        fields.problem("code", why);
    }
    fields.finish(UnknownFields::Refused)?;
    let id = IdentificationId::from(call.id.as_str());
    Writing::of(call)?.attempt_code(&id, kind, &VerificationId::from(verification_id), &code).await
}

/// `identification_status` of a replacement.
pub(super) fn read_status(fields: &mut Fields) -> IdentificationStatus {
    let text = fields.text("identification_status");
    status_from(text.as_deref().unwrap_or("verified"), true).unwrap_or_else(|| {
        let why = "must be verified, reserved or unverified".to_owned();
        fields.problem("identification_status", value_invalid(why));
        IdentificationStatus::default()
    })
}

/// `unverified` is there for a replacement only.
pub(super) fn status_from(text: &str, with_unverified: bool) -> Option<IdentificationStatus> {
    match text {
        "verified" => Some(IdentificationStatus::Verified),
        "reserved" => Some(IdentificationStatus::Reserved),
        "unverified" if with_unverified => Some(IdentificationStatus::Unverified),
        _ => None,
    }
}

fn render_subject(decision: &Decision, now: UnixMillis) -> Result<Answer, Failure> {
    let missing = || Failure::Bug("a change without the identification that it is about".to_owned());
    let Decision::Change(change) = decision else { return Err(missing()) };
    let user: &User = &change.user;
    let held = change.subject.as_ref().and_then(|id| user.identification(id)).ok_or_else(missing)?;
    Ok(render_one(held, now)?.tagged(user.version))
}

fn render_one(held: &Identification, now: UnixMillis) -> Result<Answer, Failure> {
    match held.identifier {
        Identifier::Phone(_) => Answer::json(&render::phone_number(held, now)),
        Identifier::Email(_) => Answer::json(&render::email_address(held, now)),
    }
}
