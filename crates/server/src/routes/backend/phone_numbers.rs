//! `/v1/phone_numbers` and `/v1/users/{user_id}/phone_number`.

use super::identifications;
use crate::answer::Answer;
use crate::error::Failure;
use crate::extract::UnknownFields;
use crate::routes::call::Call;
use verger_core::user::{IdentificationUpdate, NewIdentification};
use verger_core::{E164, Identifier, IdentifierKind};

const KIND: IdentifierKind = IdentifierKind::PhoneNumber;

pub(crate) async fn create(call: Call) -> Result<Answer, Failure> {
    let mut fields = call.fields()?;
    let user_id = fields.required_text("user_id");
    let number = read_number(&call, &mut fields);
    let verified = fields.flag("verified").unwrap_or(false);
    let primary = fields.flag("primary").unwrap_or(false);
    let reserved_for_second_factor = fields.flag("reserved_for_second_factor").unwrap_or(false);
    fields.finish(UnknownFields::Ignored)?;
    let identifier = number.ok_or_else(|| Failure::Bug("a bad number was not reported".to_owned()))?;
    let new = NewIdentification { identifier, verified, primary, reserved_for_second_factor };
    identifications::create(&call, user_id, new).await
}

pub(crate) async fn get(call: Call) -> Result<Answer, Failure> {
    identifications::get(&call, KIND).await
}

pub(crate) async fn update(call: Call) -> Result<Answer, Failure> {
    let mut fields = call.fields()?;
    let update = IdentificationUpdate {
        verified: fields.flag("verified"),
        reserved_for_second_factor: fields.flag("reserved_for_second_factor"),
        primary: fields.flag("primary"),
    };
    fields.finish(UnknownFields::Ignored)?;
    identifications::update(&call, KIND, update).await
}

pub(crate) async fn delete(call: Call) -> Result<Answer, Failure> {
    identifications::delete(&call, KIND).await
}

pub(crate) async fn prepare(call: Call) -> Result<Answer, Failure> {
    identifications::prepare(&call, KIND).await
}

pub(crate) async fn attempt(call: Call) -> Result<Answer, Failure> {
    identifications::attempt(&call, KIND).await
}

pub(crate) async fn replace(call: Call) -> Result<Answer, Failure> {
    let mut fields = call.fields()?;
    let number = read_number(&call, &mut fields);
    let status = identifications::read_status(&mut fields);
    fields.finish(UnknownFields::Refused)?;
    let identifier = number.ok_or_else(|| Failure::Bug("a bad number was not reported".to_owned()))?;
    identifications::replace(&call, identifier, status).await
}

fn read_number(call: &Call, fields: &mut crate::extract::Fields) -> Option<Identifier> {
    let text = fields.needed_text("phone_number")?;
    let number = E164::parse(&text, call.context.test_numbers());
    fields.judge("phone_number", number).map(Identifier::Phone)
}
