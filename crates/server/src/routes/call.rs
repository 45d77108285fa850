//! One request, authenticated and read.

use crate::answer::Answer;
use crate::app::App;
use crate::context::{Context, WriteHeaders, entity_tags, sent_with_different_values};
use crate::error::Failure;
use crate::extract::{Fields, Query};
use crate::http_reasons::{CONTENT_TYPE_UNSUPPORTED, malformed};
use axum::http::header;
use axum::http::request::Parts;
use bytes::Bytes;
use sha2::{Digest, Sha256};
use std::pin::Pin;
use std::sync::Arc;
use verger_wire::UnixMillis;

/// What a handler gives back.
pub(crate) type Answering = Pin<Box<dyn Future<Output = Result<Answer, Failure>> + Send>>;
/// The function that answers an operation.
pub(crate) type Handler = fn(Call) -> Answering;

/// One request, authenticated and read.
pub(crate) struct Call {
    pub(crate) app: Arc<App>,
    pub(crate) context: Context,
    /// The id in the path; empty where the path has none.
    pub(crate) id: String,
    pub(crate) parts: Parts,
    pub(crate) body: Bytes,
}

impl Call {
    /// The fields of the body.
    pub(crate) fn fields(&self) -> Result<Fields, Failure> {
        if sent_with_different_values(&self.parts.headers, &header::CONTENT_TYPE) {
            return Err((&CONTENT_TYPE_UNSUPPORTED).into());
        }
        let content_type =
            self.parts.headers.get(header::CONTENT_TYPE).map(|value| value.to_str().unwrap_or("?"));
        Fields::parse(&self.body, content_type)
    }

    /// The time of the instance.
    pub(crate) fn now(&self) -> UnixMillis {
        self.app.now(&self.context.instance.id)
    }

    /// The parameters of the query.
    pub(crate) fn query(&self) -> Result<Query, Failure> {
        Query::parse(self.parts.uri.query())
    }

    /// The standard headers of a write.
    pub(crate) fn write_headers(&self) -> Result<WriteHeaders, Failure> {
        WriteHeaders::of(&self.parts.headers)
    }

    /// For a write without a dry run and without versions: a condition that nobody looks at must not be taken for kept.
    pub(crate) fn refuse_conditions(&self) -> Result<(), Failure> {
        let headers = self.write_headers()?;
        headers.refuse_if_match()?;
        if headers.dry_run {
            return Err(malformed("There is no dry run of this operation: send it without `Prefer: dry-run`. Nothing was changed.").param("Prefer").into());
        }
        Ok(())
    }

    /// Whether the client has this version already (RFC 9110 section 13.1.2).
    pub(crate) fn has_version(&self, version: i64) -> bool {
        entity_tags(&self.parts.headers, &header::IF_NONE_MATCH)
            .is_some_and(|tags| tags.matches_weakly(&crate::context::entity_tag(version)))
    }

    /// What makes two requests the same for an `Idempotency-Key`: method, path, query and body.
    pub(crate) fn fingerprint(&self) -> String {
        let mut digest = Sha256::new();
        let target = self.parts.uri.path_and_query().map_or("", |target| target.as_str());
        for part in [self.parts.method.as_str().as_bytes(), target.as_bytes(), &self.body] {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        crate::codes::hex(&digest.finalize())
    }
}
