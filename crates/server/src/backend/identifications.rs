//! What phone numbers and email addresses have in common.

use crate::answer::Answer;
use crate::call::KeyRequest;
use crate::engine::{Decision, Target, Writing, object_name};
use crate::error::Failure;
use crate::render;
use verger_core::user::{IdentificationStatus, IdentificationUpdate, NewIdentification};
use verger_core::{Identification, Identifier, IdentifierKind, Malformed, Unit, User};
use verger_http::input::Read;
use verger_wire::verification::AttemptVerificationParams;
use verger_wire::{IdentificationId, UnixMillis, UserId, VerificationId};

/// A longer code is none that was ever sent.
const CODE_BYTES_MAX: usize = 64;

pub(super) async fn get(
    call: &KeyRequest,
    id: &IdentificationId,
    kind: IdentifierKind,
) -> Result<Answer, Failure> {
    let scoped = call.app.store.instance(&call.context.instance.id);
    let found = scoped.load_identification(id, call.context.deadline).await?;
    let found = found
        .filter(|found| found.identification.identifier.kind() == kind)
        .ok_or_else(|| Failure::not_found(object_name(kind)))?;
    let mut answer = render_one(&found.identification, call.now())?.tagged(found.user_version);
    // A code ends without a new version.
    let may_end = found.identification.pending_code.is_some();
    answer.is_not_modified = !may_end && call.has_version(found.user_version);
    Ok(answer)
}

pub(super) async fn create(
    call: &KeyRequest,
    user_id: UserId,
    new: NewIdentification,
) -> Result<Answer, Failure> {
    let texts = [(new.identifier.kind(), new.identifier.as_str().to_owned())];
    let target = Target::User(user_id, &texts);
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
    call: &KeyRequest,
    id: &IdentificationId,
    kind: IdentifierKind,
    update: IdentificationUpdate,
) -> Result<Answer, Failure> {
    Writing::of(call)?
        .change(
            Target::Identification(id.clone(), kind),
            |loaded, env| {
                loaded.user.update_identification(id, update, &loaded.claims, env).map(Decision::Change)
            },
            |_, decision| render_subject(decision, call.now()),
        )
        .await
}

pub(super) async fn delete(
    call: &KeyRequest,
    id: &IdentificationId,
    kind: IdentifierKind,
) -> Result<Answer, Failure> {
    Writing::of(call)?
        .change(
            Target::Identification(id.clone(), kind),
            |loaded, env| loaded.user.remove_identification(id, env).map(Decision::Change),
            |_, _| Answer::json(&render::deleted(id.as_str(), kind.as_str())),
        )
        .await
}

pub(super) async fn replace(
    call: &KeyRequest,
    user_id: &UserId,
    identifier: Identifier,
    status: IdentificationStatus,
) -> Result<Answer, Failure> {
    let texts = [(identifier.kind(), identifier.as_str().to_owned())];
    Writing::of(call)?
        .change(
            Target::User(user_id.clone(), &texts),
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

/// Sends a code.
pub(super) async fn prepare(
    call: &KeyRequest,
    id: &IdentificationId,
    kind: IdentifierKind,
) -> Result<Answer, Failure> {
    Writing::of(call)?.prepare_code(id, kind).await
}

/// Tries a code.
pub(super) async fn attempt(
    call: &KeyRequest,
    id: &IdentificationId,
    kind: IdentifierKind,
    mut input: Read<AttemptVerificationParams>,
) -> Result<Answer, Failure> {
    let length = input.code.len();
    if length > CODE_BYTES_MAX {
        let why = Malformed::TooLong { max: CODE_BYTES_MAX, length, unit: Unit::Bytes };
        input.problem("code", why);
    }
    let input = input.finish()?;
    Writing::of(call)?.attempt_code(id, kind, &VerificationId::from(input.verification_id), &input.code).await
}

/// The status that a text names; reading lets only names through.
pub(super) fn status_of(text: Option<&str>) -> IdentificationStatus {
    match text {
        Some("reserved") => IdentificationStatus::Reserved,
        Some("unverified") => IdentificationStatus::Unverified,
        _ => IdentificationStatus::Verified,
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
