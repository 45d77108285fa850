//! What a change row keeps of a message: what its event says, without the code; and of one that a limit refused.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use verger_core::IdentifierKind;
use verger_wire::{UnixMillis, UserId};

/// Replaces the code in events.
const HIDDEN_CODE: &str = "••••••";

/// A message that was written. In a row, without its code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MessageForm {
    /// The phone number or email address that it goes to.
    #[serde(rename = "to")]
    pub(crate) to: String,
    /// Id of the phone number or email address.
    #[serde(rename = "i")]
    pub(crate) identification_id: String,
    /// The sender's number or name; empty if there is none.
    #[serde(rename = "f", default, skip_serializing_if = "String::is_empty")]
    pub(crate) from: String,
    /// The name of the instance when it was written.
    #[serde(rename = "n")]
    pub(crate) app_name: String,
    /// Whether this server delivers it.
    #[serde(rename = "o", default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) is_ours: bool,
    /// Text, subject and code.
    #[serde(flatten)]
    pub(crate) words: Words,
}

/// What a message says. With its code it is sealed until the application has it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Words {
    /// The text.
    #[serde(rename = "t")]
    pub(crate) text: String,
    /// Emails alone have one.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    pub(crate) subject: Option<String>,
    /// `None` where the texts have dots in its place.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<String>,
}

/// A message that a limit refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RefusalForm {
    /// The phone number or email address, masked.
    #[serde(rename = "to")]
    pub(crate) to: String,
    /// The limit, as metrics name it.
    #[serde(rename = "r")]
    pub(crate) reason: String,
}

impl std::fmt::Debug for Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Words").finish_non_exhaustive()
    }
}

impl Words {
    /// The same with dots in the place of its code.
    pub(crate) fn hidden(&self) -> Self {
        let Some(code) = &self.code else { return self.clone() };
        let hide = |text: &str| text.replace(code, HIDDEN_CODE);
        Self { text: hide(&self.text), subject: self.subject.as_deref().map(hide), code: None }
    }
}

/// The event of a message of this kind.
pub(crate) fn created(kind: IdentifierKind) -> &'static str {
    if kind == IdentifierKind::PhoneNumber { "sms.created" } else { "email.created" }
}

/// The entry of a refused message of this kind.
pub(crate) fn refused(kind: IdentifierKind) -> &'static str {
    if kind == IdentifierKind::PhoneNumber { "sms.refused" } else { "email.refused" }
}

/// The associated data of the sealed words of a message.
pub(crate) fn seal_name(message_id: &str) -> String {
    format!("event of {message_id}")
}

impl MessageForm {
    /// The `data` of the event `kind` of the message `id`.
    pub(super) fn data(&self, kind: &str, id: &str, user_id: &UserId, at: UnixMillis) -> Value {
        let Words { text, subject, code } = &self.words;
        let own = json!({ "otp_code": code, "app": { "name": self.app_name } });
        if kind == created(IdentifierKind::PhoneNumber) {
            return json!({
                "object": "sms_message",
                "id": id,
                "slug": "verification_code",
                "from_phone_number": self.from,
                "to_phone_number": self.to,
                "phone_number_id": self.identification_id,
                "user_id": user_id,
                "message": text,
                "status": "queued",
                "data": own,
                "delivered_by_clerk": self.is_ours,
                "created_at_ms": at,
            });
        }
        json!({
            "object": "email",
            "id": id,
            "slug": "verification_code",
            "from_email_name": self.from,
            "reply_to_email_name": null,
            "to_email_address": self.to,
            "email_address_id": self.identification_id,
            "user_id": user_id,
            "subject": subject.as_deref().unwrap_or_default(),
            "body": "",
            "body_plain": text,
            "status": "queued",
            "data": own,
            "delivered_by_clerk": self.is_ours,
        })
    }
}

impl RefusalForm {
    /// The `resource` of the entry `kind`, about the identification `id`.
    pub(super) fn resource(&self, kind: &str, id: &str, user_id: &UserId) -> Value {
        let (object, to) = match kind == refused(IdentifierKind::PhoneNumber) {
            true => ("sms_message", "to_phone_number"),
            false => ("email", "to_email_address"),
        };
        json!({ "id": id, "object": object, "user_id": user_id, to: self.to, "reason": self.reason })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_without_their_code_do_not_have_it_anywhere() {
        let words = Words {
            text: "918273 is your code. Again: 918273".to_owned(),
            subject: Some("918273".to_owned()),
            code: Some("918273".to_owned()),
        };
        let hidden = words.hidden();
        assert_eq!(hidden.text, "•••••• is your code. Again: ••••••");
        assert_eq!((hidden.subject.as_deref(), &hidden.code), (Some("••••••"), &None));
        assert_eq!(hidden.hidden(), hidden);
        assert!(!format!("{words:?}").contains("918273"));
        let text = serde_json::to_string(&words).unwrap();
        assert_eq!(serde_json::from_str::<Words>(&text).unwrap(), words);
    }

    #[test]
    fn form_is_read_back() {
        for (is_ours, from, subject) in [(true, "+15005550100", None), (false, "", Some("Code"))] {
            let form = MessageForm {
                to: "ada@example.com".to_owned(),
                identification_id: "idn_1".to_owned(),
                from: from.to_owned(),
                app_name: "Example".to_owned(),
                is_ours,
                words: Words { text: "hello".to_owned(), subject: subject.map(str::to_owned), code: None },
            };
            let text = serde_json::to_string(&form).unwrap();
            assert_eq!(serde_json::from_str::<MessageForm>(&text).unwrap(), form, "{text}");
        }
    }
}
