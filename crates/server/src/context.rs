//! What is known of a request besides what it brings: who calls, in which version of the API, until when.

use axum::http::{HeaderMap, header};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;
use verger_core::TestNumbers;
use verger_http::version::ApiVersion;
use verger_store::{Environment, Instance};
use verger_wire::KeyId;

/// The caller and the conditions of a request.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    /// Whose data it is about. There is no way to reach another's.
    pub(crate) instance: Arc<Instance>,
    /// Which key was used.
    pub(crate) key_id: KeyId,
    /// What holds of any request.
    pub(crate) occasion: Occasion,
}

/// What is known of any request, whoever sends it.
#[derive(Clone, Debug)]
pub(crate) struct Occasion {
    /// The effective version.
    pub(crate) version: ApiVersion,
    /// Names the request in its answer and in the log.
    pub(crate) trace_id: TraceId,
    /// When the caller will have given up.
    pub(crate) deadline: Instant,
    /// Who the request comes from: who is at the other end of the connection, or whom a trusted proxy there names.
    pub(crate) remote_address: Option<IpAddr>,
    /// What the caller says it is, cut to a reasonable length.
    pub(crate) user_agent: Option<String>,
}

/// Characters of a `User-Agent` that are kept.
const USER_AGENT_CHARACTERS_MAX: usize = 256;

/// What the caller says it is.
pub(crate) fn user_agent(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(header::USER_AGENT)?.to_str().ok()?;
    Some(text.chars().take(USER_AGENT_CHARACTERS_MAX).collect())
}

/// 32 hexadecimal digits that name one request in its answer and in the log.
#[derive(Clone, Debug)]
pub(crate) struct TraceId(pub(crate) Arc<str>);

impl AsRef<Occasion> for Context {
    fn as_ref(&self) -> &Occasion {
        &self.occasion
    }
}

impl AsRef<Self> for Occasion {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl std::ops::Deref for Context {
    type Target = Occasion;

    fn deref(&self) -> &Occasion {
        &self.occasion
    }
}

impl Context {
    /// Whether reserved test numbers may be used.
    pub(crate) fn test_numbers(&self) -> TestNumbers {
        match self.instance.environment {
            Environment::Development => TestNumbers::Accepted,
            Environment::Production => TestNumbers::Refused,
        }
    }
}
