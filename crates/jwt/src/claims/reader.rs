//! Takes claims out of a payload, each of its JSON type. A claim that is there with another type is refused, `null` included:
//! a check that is skipped because a claim cannot be read is how forged tokens pass.

use crate::error::TokenError;
use serde_json::{Map, Value};

pub(crate) struct Reader {
    claims: Map<String, Value>,
}

impl Reader {
    pub(crate) fn new(claims: Map<String, Value>) -> Self {
        Self { claims }
    }

    /// What was not taken: the claims of the application.
    pub(crate) fn rest(self) -> Map<String, Value> {
        self.claims
    }

    /// A mandatory text, never empty.
    pub(crate) fn text(&mut self, name: &'static str) -> Result<String, TokenError> {
        let text = self.optional_text(name)?.filter(|text| !text.is_empty());
        text.ok_or(TokenError::VerificationFailed(name))
    }

    pub(crate) fn optional_text(&mut self, name: &'static str) -> Result<Option<String>, TokenError> {
        match self.claims.shift_remove(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(TokenError::VerificationFailed(name)),
        }
    }

    /// Unix seconds.
    pub(crate) fn seconds(&mut self, name: &'static str) -> Result<i64, TokenError> {
        let seconds = self.claims.shift_remove(name).and_then(|value| value.as_i64());
        seconds.ok_or(TokenError::VerificationFailed(name))
    }

    pub(crate) fn optional_number(&mut self, name: &'static str) -> Result<Option<i64>, TokenError> {
        match self.claims.shift_remove(name) {
            None => Ok(None),
            Some(value) => value.as_i64().map(Some).ok_or(TokenError::VerificationFailed(name)),
        }
    }

    pub(crate) fn optional_object(
        &mut self,
        name: &'static str,
    ) -> Result<Option<Map<String, Value>>, TokenError> {
        match self.claims.shift_remove(name) {
            None => Ok(None),
            Some(Value::Object(object)) => Ok(Some(object)),
            Some(_) => Err(TokenError::VerificationFailed(name)),
        }
    }

    pub(crate) fn optional_numbers(&mut self, name: &'static str) -> Result<Option<[i64; 2]>, TokenError> {
        let Some(value) = self.claims.shift_remove(name) else {
            return Ok(None);
        };
        match value.as_array().map(Vec::as_slice) {
            Some([first, second]) => match (first.as_i64(), second.as_i64()) {
                (Some(first), Some(second)) => Ok(Some([first, second])),
                _ => Err(TokenError::VerificationFailed(name)),
            },
            _ => Err(TokenError::VerificationFailed(name)),
        }
    }

    pub(crate) fn optional_texts(&mut self, name: &'static str) -> Result<Option<Vec<String>>, TokenError> {
        match self.claims.shift_remove(name) {
            None => Ok(None),
            Some(value) => texts(&value).map(Some).ok_or(TokenError::VerificationFailed(name)),
        }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.claims.contains_key(name)
    }

    /// The audiences: a text or a list of texts (RFC 7519 §4.1.3). The claim stays where it is: it belongs to the application.
    pub(crate) fn audiences(&self) -> Result<Vec<String>, TokenError> {
        match self.claims.get("aud") {
            None => Ok(Vec::new()),
            Some(Value::String(one)) => Ok(vec![one.clone()]),
            Some(value) => texts(value).ok_or(TokenError::VerificationFailed("aud")),
        }
    }
}

fn texts(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|item| item.as_str().map(str::to_owned)).collect()
}
