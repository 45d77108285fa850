//! A refused request: a [`Reason`] with what this request adds to it.

use crate::ApiError;
use crate::reason::{Api, Reason, fill};
use serde_json::{Map, Value};
use std::borrow::Cow;

/// Why one request is refused.
#[derive(Clone, Debug, PartialEq)]
pub struct Refused {
    /// The row.
    pub reason: &'static Reason,
    /// What stands in the places of the templates; `param` is always [`param_name`](Self::param_name).
    pub values: Vec<(&'static str, String)>,
    /// The field, parameter or header to blame, which is `param_name` in the `meta` of the answer.
    pub param_name: Option<Cow<'static, str>>,
    /// Further facts for programs.
    pub meta: Vec<(&'static str, Value)>,
    /// For the header `Retry-After`.
    pub retry_after_seconds: Option<u32>,
    /// For the header `Allow`.
    pub allow: Option<String>,
}

impl Refused {
    /// Refused for this reason, which needs nothing else.
    pub fn new(reason: &'static Reason) -> Self {
        Self {
            reason,
            values: Vec::new(),
            param_name: None,
            meta: Vec::new(),
            retry_after_seconds: None,
            allow: None,
        }
    }

    /// With the value of a place in the templates.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.values.push((name, value.into()));
        self
    }

    /// With the field, parameter or header that is to blame.
    #[must_use]
    pub fn param(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.param_name = Some(name.into());
        self
    }

    /// With a fact for programs.
    #[must_use]
    pub fn meta(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.meta.push((name, value.into()));
        self
    }

    /// With the seconds after which another try makes sense.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }

    /// What `api` says of it in the body of the answer.
    pub fn error(&self, api: Api) -> ApiError {
        let column = self.reason.column(api);
        let mut meta: Map<String, Value> =
            self.meta.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let mut values = Cow::Borrowed(&self.values);
        if let Some(param) = &self.param_name {
            values.to_mut().push(("param", param.clone().into_owned()));
            meta.insert("param_name".to_owned(), Value::from(&**param));
        }
        ApiError {
            message: fill(column.message, &values),
            long_message: fill(column.long_message, &values),
            code: column.code.to_owned(),
            meta,
        }
    }
}

impl From<&'static Reason> for Refused {
    fn from(reason: &'static Reason) -> Self {
        Self::new(reason)
    }
}
