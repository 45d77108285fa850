//! What is ours alone, under `/verger/v1`.

use crate::answer::Answer;
use crate::error::Failure;
use crate::routes::call::Call;
use serde_json::json;
use verger_core::{Identifier, Standing};
use verger_wire::IdentificationId;

/// What is kept beside a phone number: the text as typed, its region, its line type, and when it was verified.
pub(crate) async fn phone_number(call: Call) -> Result<Answer, Failure> {
    let id = IdentificationId::from(call.id.as_str());
    let scoped = call.app.store.instance(&call.context.instance.id);
    let user = scoped.load_user_by_identification(&id, call.context.deadline).await?;
    let missing = || Failure::NotFound("phone number");
    let user = user.ok_or_else(missing)?;
    let held = user.identification(&id).ok_or_else(missing)?;
    let Identifier::Phone(number) = &held.identifier else { return Err(missing()) };
    let verified_at = match held.standing {
        Standing::VerifiedByAdmin { at } => Some(at),
        Standing::Unverified | Standing::Reserved => None,
    };
    let body = json!({
        "id": held.id,
        "object": "phone_number_details",
        "user_id": user.id,
        "phone_number": number.as_str(),
        "typed": number.typed(),
        "region": number.region(),
        "line_type": number.line_type(),
        "metadata_version": number.metadata_version(),
        "verified_at": verified_at,
    });
    Ok(Answer::json(&body)?.tagged(user.version))
}
