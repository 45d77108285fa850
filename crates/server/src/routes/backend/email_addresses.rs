//! `/v1/email_addresses` and `/v1/users/{user_id}/email_address`.

use super::identifications;
use crate::answer::Answer;
use crate::error::Failure;
use crate::extract::UnknownFields;
use crate::routes::call::Call;
use verger_core::user::{IdentificationUpdate, NewIdentification};
use verger_core::{Email, Identifier, IdentifierKind};

const KIND: IdentifierKind = IdentifierKind::EmailAddress;
/// Asks for a mail, which is not built; false asks for nothing.
const NOTIFY: &str = "notify_primary_email_address_changed";

pub(crate) async fn create(call: Call) -> Result<Answer, Failure> {
    let mut fields = call.fields()?;
    let user_id = fields.required_text("user_id");
    let address = read_address(&mut fields);
    let verified = fields.flag("verified").unwrap_or(false);
    let primary = fields.flag("primary").unwrap_or(false);
    fields.not_built(&[NOTIFY]);
    fields.finish(UnknownFields::Ignored)?;
    let identifier = address.ok_or_else(|| Failure::Bug("a bad address was not reported".to_owned()))?;
    let new = NewIdentification { identifier, verified, primary, reserved_for_second_factor: false };
    identifications::create(&call, user_id, new).await
}

pub(crate) async fn get(call: Call) -> Result<Answer, Failure> {
    identifications::get(&call, KIND).await
}

pub(crate) async fn update(call: Call) -> Result<Answer, Failure> {
    let mut fields = call.fields()?;
    let update = IdentificationUpdate {
        verified: fields.flag("verified"),
        reserved_for_second_factor: None,
        primary: fields.flag("primary"),
    };
    fields.not_built(&[NOTIFY]);
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
    let address = read_address(&mut fields);
    let status = identifications::read_status(&mut fields);
    fields.not_built(&[NOTIFY]);
    fields.finish(UnknownFields::Refused)?;
    let identifier = address.ok_or_else(|| Failure::Bug("a bad address was not reported".to_owned()))?;
    identifications::replace(&call, identifier, status).await
}

fn read_address(fields: &mut crate::extract::Fields) -> Option<Identifier> {
    let text = fields.needed_text("email_address")?;
    fields.judge("email_address", Email::parse(&text)).map(Identifier::Email)
}
