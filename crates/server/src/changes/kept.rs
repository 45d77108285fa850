//! The two texts that a change row has beside its aggregate's form: who made the change, with nothing personal in it, and what
//! goes when a person is erased.

use crate::context::Context;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The form that is written. A form that an earlier version could misread gets the next number; a new field does not.
const FORM: u32 = 1;

/// Why a row cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Undecodable {
    /// The text is not JSON, or not of this form.
    #[error("it is not as it was written: {0}")]
    Json(#[from] serde_json::Error),
    /// A part has no meaning.
    #[error("{0} makes no sense")]
    Damaged(&'static str),
    /// A later version of Verger wrote it.
    #[error("it has form {0}, which this version cannot read")]
    Later(u32),
    /// A later version of Verger has changes of this kind.
    #[error("this version knows no such change")]
    UnknownKind,
}

/// Who made a change. Neither a key nor a command: the server itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Who {
    #[serde(rename = "v")]
    form: u32,
    /// Id of the secret key.
    #[serde(rename = "k", default, skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
    /// Trace id of the request.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub(crate) trace_id: Option<String>,
    /// The command of the command line, such as `webhooks rotate`.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub(crate) command: Option<String>,
}

/// Where the request for a change came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Origin {
    /// Who was at the other end of the connection, or whom a trusted proxy there named.
    pub(crate) remote_address: Option<String>,
    /// What the caller said it is.
    pub(crate) user_agent: Option<String>,
}

/// Who asked for a change, and from where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Author {
    pub(crate) who: Who,
    pub(crate) origin: Origin,
}

/// The personal part of a row.
#[derive(Serialize, Deserialize)]
struct Personal<T> {
    #[serde(rename = "v")]
    form: u32,
    #[serde(rename = "ip", default, skip_serializing_if = "Option::is_none")]
    remote_address: Option<String>,
    #[serde(rename = "ua", default, skip_serializing_if = "Option::is_none")]
    user_agent: Option<String>,
    /// `None`: the change is of nothing that has a form.
    #[serde(rename = "d", skip_serializing_if = "Option::is_none")]
    data: Option<T>,
}

impl Author {
    /// Whoever sent a request.
    pub(crate) fn of(context: &Context) -> Self {
        let who = Who {
            key_id: Some(context.key_id.to_string()),
            trace_id: Some(context.trace_id.0.to_string()),
            ..Who::server()
        };
        let remote_address = context.remote_address.map(|address| address.to_string());
        Self { who, origin: Origin { remote_address, user_agent: context.user_agent.clone() } }
    }

    /// The server itself.
    pub(crate) fn server() -> Self {
        Self { who: Who::server(), origin: Origin::default() }
    }

    /// Whoever runs a command of the command line.
    pub(crate) fn command(name: &str) -> Self {
        let who = Who { command: Some(name.to_owned()), ..Who::server() };
        Self { who, origin: Origin::default() }
    }
}

impl Who {
    fn server() -> Self {
        Self { form: FORM, ..Self::default() }
    }

    /// The text of the row.
    pub(super) fn encode(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// Reads the text of a row.
    pub(super) fn decode(text: &str) -> Result<Self, Undecodable> {
        let who: Self = serde_json::from_str(text)?;
        if who.form > FORM { Err(Undecodable::Later(who.form)) } else { Ok(who) }
    }
}

/// The personal text of a row.
pub(super) fn encode<T: Serialize>(origin: &Origin, data: Option<T>) -> Result<String, serde_json::Error> {
    let Origin { remote_address, user_agent } = origin.clone();
    serde_json::to_string(&Personal { form: FORM, remote_address, user_agent, data })
}

/// Reads the personal text of a row, which is empty if nothing about it is personal.
pub(super) fn decode<T: DeserializeOwned>(text: &str) -> Result<(Origin, Option<T>), Undecodable> {
    /// Of a later form nothing else is sure to be where it is now.
    #[derive(Deserialize)]
    struct Form {
        #[serde(rename = "v")]
        form: u32,
    }

    if text.is_empty() {
        return Ok((Origin::default(), None));
    }
    match serde_json::from_str::<Personal<T>>(text) {
        Ok(Personal { form, remote_address, user_agent, data }) if form <= FORM => {
            Ok((Origin { remote_address, user_agent }, data))
        }
        read => match serde_json::from_str(text)? {
            Form { form } if form > FORM => Err(Undecodable::Later(form)),
            Form { .. } => Err(read.err().map_or(Undecodable::Damaged("the form"), Undecodable::Json)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn texts_are_read_back_and_what_a_later_version_adds_is_passed_over() {
        let origin = Origin {
            remote_address: Some("192.0.2.1".to_owned()),
            user_agent: Some("a \"b\"\u{0}".to_owned()),
        };
        let text = encode(&origin, Some(json!({ "a": 1.5 }))).unwrap();
        let (read, data): (Origin, Option<Value>) = decode(&text).unwrap();
        assert_eq!((read, data), (origin, Some(json!({ "a": 1.5 }))));
        assert_eq!(encode(&Origin::default(), Some(7)).unwrap(), r#"{"v":1,"d":7}"#);
        assert_eq!(encode::<u8>(&Origin::default(), None).unwrap(), r#"{"v":1}"#);
        let (read, data): (Origin, Option<u8>) = decode(r#"{"v":1,"geo":{"x":[1]},"d":7}"#).unwrap();
        assert_eq!((read, data), (Origin::default(), Some(7)));
        assert_eq!(decode::<u8>("").unwrap(), (Origin::default(), None));

        let who = Who { key_id: Some("key_1".to_owned()), trace_id: Some("t".to_owned()), ..Who::server() };
        assert_eq!(who.encode().unwrap(), r#"{"v":1,"k":"key_1","t":"t"}"#);
        assert_eq!(Who::decode(&who.encode().unwrap()).unwrap(), who);
        assert_eq!(Who::decode(r#"{"v":1,"operator":"opr_1"}"#).unwrap(), Author::server().who);
        assert_eq!(
            Author::command("webhooks rotate").who.encode().unwrap(),
            r#"{"v":1,"c":"webhooks rotate"}"#
        );
    }

    #[test]
    fn later_form_is_told_from_damage() {
        let why = |text: &str| decode::<u8>(text).err().unwrap().to_string();
        assert_eq!(why(r#"{"v":2,"d":{"other":1}}"#), "it has form 2, which this version cannot read");
        assert_eq!(why(r#"{"v":2,"d":7}"#), "it has form 2, which this version cannot read");
        assert!(why(r#"{"v":1,"d":{}}"#).starts_with("it is not as it was written"));
        assert!(why("{").starts_with("it is not as it was written"));
        assert!(matches!(Who::decode(r#"{"v":2}"#), Err(Undecodable::Later(2))));
    }
}
