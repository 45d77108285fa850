//! Details of a phone number.

use crate::answer::Answer;
use crate::call::Call;
use crate::caller::SecretKey;
use crate::error::Failure;
use crate::operation::operations;
use verger_core::{Identifier, Verification};
use verger_wire::IdentificationId;
use verger_wire::phone_number::PhoneNumberDetails;

operations! {
    /// Get the details of a phone number
    ///
    /// The number as typed, its country, its line type, and when it was verified.
    VergerGetPhoneNumber: GET "/verger/v1/phone_numbers/{phone_number_id}" in "Phone Number Details" {
        caller: SecretKey,
        path: IdentificationId,
        output: PhoneNumberDetails, "The details.",
        headers: TAGGED,
        run: phone_number,
    }
}

async fn phone_number(call: Call<SecretKey, IdentificationId>) -> Result<Answer, Failure> {
    let scoped = call.app.store.instance(&call.context.instance.id);
    let missing = || Failure::not_found("phone number");
    let found = scoped.load_identification(&call.path, call.context.deadline).await?.ok_or_else(missing)?;
    let held = found.identification;
    let Identifier::Phone(number) = &held.identifier else { return Err(missing()) };
    let verified_at = match held.verification {
        Verification::VerifiedByAdmin { at } | Verification::VerifiedByCode { at, .. } => Some(at),
        Verification::Unverified | Verification::Reserved => None,
    };
    let details = PhoneNumberDetails {
        id: held.id.to_string(),
        object: "phone_number_details".to_owned(),
        user_id: found.user_id.to_string(),
        phone_number: number.as_str().to_owned(),
        typed: number.typed().to_owned(),
        region: number.region().map(str::to_owned),
        line_type: number.line_type().map(str::to_owned),
        metadata_version: number.metadata_version().to_owned(),
        verified_at,
    };
    Ok(Answer::json(&details)?.tagged(found.user_version))
}
