//! Phone numbers of users.

use super::identifications::{self, status_of};
use crate::answer::Answer;
use crate::call::Call;
use crate::caller::SecretKey;
use crate::error::Failure;
use crate::operation::operations;
use crate::reasons::*;
use verger_core::user::{IdentificationUpdate, NewIdentification};
use verger_core::{E164, Identifier, IdentifierKind, TestNumbers};
use verger_http::input::Read;
use verger_wire as wire;
use verger_wire::input::Anything;
use verger_wire::phone_number::{CreatePhoneNumberParams, ReplacePhoneNumberParams, UpdatePhoneNumberParams};
use verger_wire::verification::{AttemptVerificationParams, VerificationResponse};
use verger_wire::{DeletedObject, IdentificationId, UserId};

const KIND: IdentifierKind = IdentifierKind::PhoneNumber;

operations! {
    /// Add a phone number to a user
    ///
    /// A user's first number becomes primary, verified or not. An unverified number is not claimed: other users may add
    /// it too, and the first to verify it takes it.
    CreatePhoneNumber: POST "/v1/phone_numbers" in "Phone Numbers" {
        caller: SecretKey,
        input: CreatePhoneNumberParams,
        output: wire::PhoneNumber, "The new phone number.",
        headers: TAGGED | IF_MATCH | DRY_RUN | IDEMPOTENT | CONSEQUENCES,
        refuses: [
            SECOND_FACTOR_UNVERIFIED_ON_CREATE, ONLY_SIGN_IN_IDENTIFICATION, NOT_FOUND, FORMAT_INVALID,
            PHONE_NUMBER_TAKEN, NEEDS_VERIFICATION, TOO_MANY_IDENTIFICATIONS,
        ],
        run: create,
    }

    /// Read a phone number
    ///
    /// The number and its verification. A number that was valid when added stays readable even if later numbering plans
    /// reject it.
    GetPhoneNumber: GET "/v1/phone_numbers/{phone_number_id}" in "Phone Numbers" {
        caller: SecretKey,
        path: IdentificationId,
        output: wire::PhoneNumber, "The phone number.",
        headers: TAGGED | NOT_MODIFIED,
        run: get,
    }

    /// Update a phone number
    ///
    /// Changes the given fields in one step: first `verified`, then `reserved_for_second_factor`, then `primary`. If
    /// one is refused, nothing changes. A field that is absent or null is left unchanged, and so is everything when
    /// there is no body.
    ///
    /// Marking a number as unverified releases its claim and removes it as a second factor; if it was the default, the
    /// oldest remaining second factor becomes the default. A primary number stays primary. The header
    /// `Verger-Consequences` lists these effects.
    UpdatePhoneNumber: PATCH "/v1/phone_numbers/{phone_number_id}" in "Phone Numbers" {
        caller: SecretKey,
        path: IdentificationId,
        input: UpdatePhoneNumberParams,
        output: wire::PhoneNumber, "The updated phone number.",
        headers: TAGGED | IF_MATCH | DRY_RUN | IDEMPOTENT | CONSEQUENCES,
        refuses: [
            SECOND_FACTOR_UNVERIFIED, ONLY_SIGN_IN_IDENTIFICATION, PHONE_NUMBER_TAKEN, NEEDS_VERIFICATION,
        ],
        adds: [422],
        run: update,
    }

    /// Delete a phone number
    ///
    /// Removes the number from its user. If it was primary, the oldest verified number, if any, becomes primary; if it
    /// was the default second factor, the oldest remaining one becomes the default. If none remains, MFA is turned off.
    ///
    /// Every pending code of the user is cancelled, including those for other numbers and addresses.
    DeletePhoneNumber: DELETE "/v1/phone_numbers/{phone_number_id}" in "Phone Numbers" {
        caller: SecretKey,
        path: IdentificationId,
        output: DeletedObject, "The object was deleted.",
        headers: IF_MATCH | DRY_RUN | IDEMPOTENT | CONSEQUENCES,
        refuses: [LAST_IDENTIFICATION],
        adds: [422],
        run: delete,
    }

    /// Send a code to a phone number
    ///
    /// Creates a six-digit code that expires after ten minutes, and queues the message that carries it. The previous
    /// code expires. For test numbers (`+1 XXX 555-0100` to `-0199`) nothing is sent, and the code is `424242`.
    PreparePhoneNumberVerification: POST "/v1/phone_numbers/{phone_number_id}/prepare_verification" in "Phone Numbers" {
        caller: SecretKey,
        path: IdentificationId,
        input: Anything,
        output: VerificationResponse, "The verification.",
        headers: IF_MATCH | DRY_RUN | IDEMPOTENT,
        refuses: [
            NO_SENDER, USER_BANNED, USER_LOCKED, COUNTRY_NOT_ALLOWED, BUDGET_SPENT, COUNTRY_SUSPENDED,
            PHONE_NUMBER_TAKEN, FORMAT_INVALID, CODE_JUST_SENT, VERIFICATION_CLOSED, SENDING_LIMIT,
        ],
        adds: [422],
        shares: [500],
        run: prepare,
    }

    /// Verify a phone number with a code
    ///
    /// Compares a code with the newest one that was sent. A wrong or expired code is also answered with 200: look at
    /// `status`. The right code marks the phone number as verified; one that is verified already does not change. After
    /// five wrong attempts the verification has failed. After ten within an hour the number accepts no codes until an
    /// hour after the first of the ten.
    AttemptPhoneNumberVerification: POST "/v1/phone_numbers/{phone_number_id}/attempt_verification" in "Phone Numbers" {
        caller: SecretKey,
        path: IdentificationId,
        input: AttemptVerificationParams,
        output: VerificationResponse, "The verification.",
        headers: IF_MATCH | IDEMPOTENT,
        refuses: [ALREADY_VERIFIED, USER_BANNED, USER_LOCKED, PHONE_NUMBER_TAKEN],
        adds: [422],
        shares: [500],
        run: attempt,
    }

    /// Replace all phone numbers of a user
    ///
    /// Deletes every phone number of the user and adds this one as the primary number, never as a second factor. If a
    /// deleted number was a second factor, MFA is off.
    ReplaceUserPhoneNumber: PUT "/v1/users/{user_id}/phone_number" in "Phone Numbers" {
        caller: SecretKey,
        path: UserId,
        input: ReplacePhoneNumberParams,
        output: wire::PhoneNumber, "The new phone number.",
        headers: TAGGED | IF_MATCH | DRY_RUN | IDEMPOTENT | CONSEQUENCES,
        refuses: [FORMAT_INVALID, PHONE_NUMBER_TAKEN],
        run: replace,
    }
}

async fn create(call: Call<SecretKey, (), CreatePhoneNumberParams>) -> Result<Answer, Failure> {
    let mut input = call.read()?;
    let identifier = judge(&mut input, call.context.test_numbers(), |input| &input.phone_number);
    let input = input.finish()?;
    let new = NewIdentification {
        identifier: identifier.ok_or_else(unreported)?,
        verified: input.verified.unwrap_or(false),
        primary: input.primary.unwrap_or(false),
        reserved_for_second_factor: input.reserved_for_second_factor.unwrap_or(false),
    };
    identifications::create(&call, input.user_id.into(), new).await
}

async fn get(call: Call<SecretKey, IdentificationId>) -> Result<Answer, Failure> {
    identifications::get(&call, &call.path, KIND).await
}

async fn update(call: Call<SecretKey, IdentificationId, UpdatePhoneNumberParams>) -> Result<Answer, Failure> {
    let input = call.read()?.finish()?;
    let update = IdentificationUpdate {
        verified: input.verified,
        reserved_for_second_factor: input.reserved_for_second_factor,
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

async fn replace(call: Call<SecretKey, UserId, ReplacePhoneNumberParams>) -> Result<Answer, Failure> {
    let mut input = call.read()?;
    let identifier = judge(&mut input, call.context.test_numbers(), |input| &input.phone_number);
    let input = input.finish()?;
    let status = status_of(input.identification_status.as_deref());
    identifications::replace(&call, &call.path, identifier.ok_or_else(unreported)?, status).await
}

fn judge<T>(
    input: &mut Read<T>,
    test_numbers: TestNumbers,
    number: impl Fn(&T) -> &str,
) -> Option<Identifier> {
    input.judge("phone_number", |input| E164::parse(number(input), test_numbers)).map(Identifier::Phone)
}

fn unreported() -> Failure {
    Failure::Bug("a bad number was not reported".to_owned())
}
