//! Why a request is not answered with success, and what the client is told then: the one place where a reason becomes an
//! answer (contract section 7). The words stand in the rows of [`crate::reasons`].

use crate::limits::SendingRefusal;
use crate::reasons::{
    INTERNAL_ERROR, NOT_FOUND, OBJECT_BUSY, OUTCOME_UNKNOWN, STORE_UNAVAILABLE, TRY_COUNTED, UNAVAILABLE,
};
use axum::http::StatusCode;
use std::borrow::Cow;
use std::slice;
use verger_core::Refusal;
use verger_http::input::Problems;
use verger_http::reasons::RETRY_AFTER_SECONDS;
use verger_store::{Conflict, StoreError};
use verger_wire::reason::Api;
use verger_wire::{ApiError, Reason, Refused};

/// Why a request is not answered with success.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The request is refused.
    Refused(Box<Refused>),
    /// Fields or parameters that are not as they should be, each with its own reason; never empty.
    Fields(Vec<Refused>),
    /// A message is not sent.
    Sending(SendingRefusal),
    /// The failure inside, which is one that passes by itself, after a code was tried and the try counted.
    AfterCountedTry(Box<Self>),
    /// The store cannot do it, or cannot do it now.
    Store(StoreError),
    /// A mistake of this program.
    Bug(String),
}

/// What a failure becomes on the wire.
pub(crate) struct FailureAnswer {
    /// The status of the first error.
    pub(crate) status: StatusCode,
    /// One entry per error; never empty.
    pub(crate) errors: Vec<ApiError>,
    /// For the header `Retry-After`.
    pub(crate) retry_after_seconds: Option<u32>,
    /// For the header `Allow`.
    pub(crate) allow: Option<String>,
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        Self::Refused(Box::new(refused))
    }
}

impl From<Problems> for Failure {
    fn from(Problems(refused): Problems) -> Self {
        Self::Fields(refused)
    }
}

impl From<&'static Reason> for Failure {
    fn from(reason: &'static Reason) -> Self {
        Refused::new(reason).into()
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Refused::from(refusal).into()
    }
}

impl From<SendingRefusal> for Failure {
    fn from(refusal: SendingRefusal) -> Self {
        Self::Sending(refusal)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict(Conflict::Taken(kind)) => Refusal::Taken(kind).into(),
            other => Self::Store(other),
        }
    }
}

impl Failure {
    /// This instance has no such object; `object` is its name in words.
    pub(crate) fn not_found(object: &'static str) -> Self {
        Refused::new(&NOT_FOUND).with("object", object).into()
    }

    /// What becomes of it once a try of a code is committed: that stays, whatever follows.
    pub(crate) fn after_counted_try(self) -> Self {
        match self {
            Self::Store(StoreError::Unavailable(_) | StoreError::Conflict(Conflict::Stale)) => {
                Self::AfterCountedTry(Box::new(self))
            }
            Self::Refused(refused) if *refused.reason == UNAVAILABLE => {
                Self::AfterCountedTry(Box::new(Self::Refused(refused)))
            }
            other => other,
        }
    }

    /// Something to look at for whoever runs the server; `None` for what is the client's affair.
    pub(crate) fn cause(&self) -> Option<String> {
        match self {
            Self::Store(error) => Some(error.to_string()),
            Self::AfterCountedTry(failure) => failure.cause(),
            Self::Bug(why) => Some(why.clone()),
            Self::Refused(_) | Self::Fields(_) | Self::Sending(_) => None,
        }
    }

    /// The row, if there is only one.
    pub(crate) fn reason(&self) -> Option<&'static Reason> {
        match &*self.refused() {
            [refused] => Some(refused.reason),
            _ => None,
        }
    }

    /// With everything that the client is told.
    fn refused(&self) -> Cow<'_, [Refused]> {
        let passing = |reason| Refused::new(reason).retry_after(RETRY_AFTER_SECONDS);
        let refused = match self {
            Self::Refused(refused) => return Cow::Borrowed(slice::from_ref(refused)),
            Self::Fields(fields) => return Cow::Borrowed(fields),
            Self::Sending(refusal) => refusal.refused(),
            Self::AfterCountedTry(_) => passing(&TRY_COUNTED),
            Self::Store(StoreError::OutcomeUnknown(_)) => passing(&OUTCOME_UNKNOWN),
            Self::Store(StoreError::Unavailable(_)) => passing(&STORE_UNAVAILABLE),
            Self::Store(StoreError::Conflict(Conflict::Stale)) => passing(&OBJECT_BUSY),
            Self::Store(_) | Self::Bug(_) => Refused::new(&INTERNAL_ERROR),
        };
        Cow::Owned(vec![refused])
    }

    /// The answer in the given API.
    pub(crate) fn answer(&self, api: Api) -> FailureAnswer {
        let refused = self.refused();
        let first = refused.first();
        let status = first.map(|first| first.reason.column(api).status);
        let status = status.and_then(|status| StatusCode::from_u16(status).ok());
        FailureAnswer {
            status: status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            errors: refused.iter().map(|refused| refused.error(api)).collect(),
            retry_after_seconds: first.and_then(|first| first.retry_after_seconds),
            allow: first.and_then(|first| first.allow.clone()),
        }
    }
}

#[cfg(test)]
mod tests;
