//! Email addresses of users.

use super::identifications::{self, status_of};
use crate::answer::Answer;
use crate::call::Call;
use crate::caller::SecretKey;
use crate::error::Failure;
use crate::operation::operations;
use crate::reasons::*;
use verger_core::user::{IdentificationUpdate, NewIdentification};
use verger_core::{Email, Identifier, IdentifierKind};
use verger_http::input::Read;
use verger_wire as wire;
use verger_wire::email_address::{
    CreateEmailAddressParams, ReplaceEmailAddressParams, UpdateEmailAddressParams,
};
use verger_wire::input::Anything;
use verger_wire::verification::{AttemptVerificationParams, VerificationResponse};
use verger_wire::{DeletedObject, IdentificationId, UserId};

const KIND: IdentifierKind = IdentifierKind::EmailAddress;

operations! {
    /// Add an email address to a user
    ///
    /// A user's first address becomes primary, verified or not. An unverified address is not claimed: other users may
    /// add it too, and the first to verify it takes it.
    CreateEmailAddress: POST "/v1/email_addresses" in "Email Addresses" {
        caller: SecretKey,
        input: CreateEmailAddressParams,
        output: wire::EmailAddress, "The new email address.",
        headers: TAGGED | IF_MATCH | DRY_RUN | IDEMPOTENT | CONSEQUENCES,
        refuses: [
            NOT_FOUND, FORMAT_INVALID, EMAIL_ADDRESS_TAKEN, NEEDS_VERIFICATION, TOO_MANY_IDENTIFICATIONS,
        ],
        run: create,
    }

    /// Read an email address
    ///
    /// The address and its verification.
    GetEmailAddress: GET "/v1/email_addresses/{email_address_id}" in "Email Addresses" {
        caller: SecretKey,
        path: IdentificationId,
        output: wire::EmailAddress, "The email address.",
        headers: TAGGED | NOT_MODIFIED,
        run: get,
    }

    /// Update an email address
    ///
    /// Changes the given fields in one step, first `verified`, then `primary`. If one is refused, nothing changes. A
    /// field that is absent or null is left unchanged.
    ///
    /// Marking an address as unverified releases its claim. A primary address stays primary.
    UpdateEmailAddress: PATCH "/v1/email_addresses/{email_address_id}" in "Email Addresses" {
        caller: SecretKey,
        path: IdentificationId,
        input: UpdateEmailAddressParams,
        output: wire::EmailAddress, "The updated email address.",
        headers: TAGGED | IF_MATCH | DRY_RUN | IDEMPOTENT | CONSEQUENCES,
        refuses: [EMAIL_ADDRESS_TAKEN, NEEDS_VERIFICATION],
        adds: [422],
        run: update,
    }

    /// Delete an email address
    ///
    /// Removes the address from its user. If it was primary, the oldest verified address, if any, becomes primary.
    ///
    /// Every pending code of the user is cancelled, including those for other numbers and addresses.
    DeleteEmailAddress: DELETE "/v1/email_addresses/{email_address_id}" in "Email Addresses" {
        caller: SecretKey,
        path: IdentificationId,
        output: DeletedObject, "The object was deleted.",
        headers: IF_MATCH | DRY_RUN | IDEMPOTENT | CONSEQUENCES,
        refuses: [LAST_IDENTIFICATION],
        adds: [422],
        run: delete,
    }

    /// Send a code to an email address
    ///
    /// Creates a six-digit code that expires after ten minutes, and queues the message that carries it. The previous
    /// code expires.
    PrepareEmailAddressVerification: POST "/v1/email_addresses/{email_address_id}/prepare_verification" in "Email Addresses" {
        caller: SecretKey,
        path: IdentificationId,
        input: Anything,
        output: VerificationResponse, "The verification.",
        headers: IF_MATCH | DRY_RUN | IDEMPOTENT,
        refuses: [
            NO_SENDER, USER_BANNED, USER_LOCKED, EMAIL_ADDRESS_TAKEN, CODE_JUST_SENT, VERIFICATION_CLOSED,
            SENDING_LIMIT,
        ],
        adds: [422, 429],
        shares: [500],
        run: prepare,
    }

    /// Verify an email address with a code
    ///
    /// Compares a code with the newest one that was sent. A wrong or expired code is also answered with 200: look at
    /// `status`. The right code marks the email address as verified; one that is verified already does not change.
    /// After five wrong attempts the verification has failed. After ten within an hour the address accepts no codes
    /// until an hour after the first of the ten.
    AttemptEmailAddressVerification: POST "/v1/email_addresses/{email_address_id}/attempt_verification" in "Email Addresses" {
        caller: SecretKey,
        path: IdentificationId,
        input: AttemptVerificationParams,
        output: VerificationResponse, "The verification.",
        headers: IF_MATCH | IDEMPOTENT,
        refuses: [ALREADY_VERIFIED, USER_BANNED, USER_LOCKED, EMAIL_ADDRESS_TAKEN],
        adds: [422],
        shares: [500],
        run: attempt,
    }

    /// Replace all email addresses of a user
    ///
    /// Deletes every email address of the user and adds this one as the primary address.
    ReplaceUserEmailAddress: PUT "/v1/users/{user_id}/email_address" in "Email Addresses" {
        caller: SecretKey,
        path: UserId,
        input: ReplaceEmailAddressParams,
        output: wire::EmailAddress, "The new email address.",
        headers: TAGGED | IF_MATCH | DRY_RUN | IDEMPOTENT | CONSEQUENCES,
        refuses: [FORMAT_INVALID, EMAIL_ADDRESS_TAKEN],
        run: replace,
    }
}

async fn create(call: Call<SecretKey, (), CreateEmailAddressParams>) -> Result<Answer, Failure> {
    let mut input = call.read()?;
    let identifier = judge(&mut input, |input| &input.email_address);
    let input = input.finish()?;
    let new = NewIdentification {
        identifier: identifier.ok_or_else(unreported)?,
        verified: input.verified.unwrap_or(false),
        primary: input.primary.unwrap_or(false),
        reserved_for_second_factor: false,
    };
    identifications::create(&call, input.user_id.into(), new).await
}

async fn get(call: Call<SecretKey, IdentificationId>) -> Result<Answer, Failure> {
    identifications::get(&call, &call.path, KIND).await
}

async fn update(
    call: Call<SecretKey, IdentificationId, UpdateEmailAddressParams>,
) -> Result<Answer, Failure> {
    let input = call.read()?.finish()?;
    let update = IdentificationUpdate {
        verified: input.verified,
        reserved_for_second_factor: None,
        primary: input.primary,
    };
    identifications::update(&call, &call.path, KIND, update).await
}

async fn delete(call: Call<SecretKey, IdentificationId>) -> Result<Answer, Failure> {
    identifications::delete(&call, &call.path, KIND).await
}

async fn prepare(call: Call<SecretKey, IdentificationId, Anything>) -> Result<Answer, Failure> {
    call.read()?.finish()?;
    identifications::prepare(&call, &call.path, KIND).await
}

async fn attempt(
    call: Call<SecretKey, IdentificationId, AttemptVerificationParams>,
) -> Result<Answer, Failure> {
    identifications::attempt(&call, &call.path, KIND, call.read()?).await
}

async fn replace(call: Call<SecretKey, UserId, ReplaceEmailAddressParams>) -> Result<Answer, Failure> {
    let mut input = call.read()?;
    let identifier = judge(&mut input, |input| &input.email_address);
    let input = input.finish()?;
    let status = status_of(input.identification_status.as_deref());
    identifications::replace(&call, &call.path, identifier.ok_or_else(unreported)?, status).await
}

fn judge<T>(input: &mut Read<T>, address: impl Fn(&T) -> &str) -> Option<Identifier> {
    input.judge("email_address", |input| Email::parse(address(input))).map(Identifier::Email)
}

fn unreported() -> Failure {
    Failure::Bug("a bad address was not reported".to_owned())
}
