//! One request, as a handler gets it: its caller known, its path read, its input ready to be read.

use crate::app::App;
use crate::caller::Caller;
use crate::context::Context;
use crate::error::Failure;
use crate::instances::facts::InstanceFacts;
use crate::render::Shown;
use axum::http::header;
use axum::http::request::Parts;
use bytes::Bytes;
use sha2::{Digest, Sha256};
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;
use verger_core::Lockout;
use verger_http::headers::{Headers, WriteHeaders, entity_tag, entity_tags, sent_with_different_values};
use verger_http::input::{Fields, Query, Read};
use verger_http::reasons::CONTENT_TYPE_UNSUPPORTED;
use verger_wire::UnixMillis;
use verger_wire::input::{Input, Nothing, Place};

/// One request to an operation with this caller, these parameters of the path and this input.
pub(crate) struct Call<C: Caller, P = (), I = Nothing> {
    /// The parameters of the path.
    pub(crate) path: P,
    request: Request<C::Context>,
    input: PhantomData<fn() -> I>,
}

/// What does not depend on the operation.
pub(crate) struct Request<C> {
    pub(crate) app: Arc<App>,
    /// The standard headers that the operation takes.
    taken: Headers,
    pub(crate) context: C,
    pub(crate) parts: Parts,
    body: Bytes,
}

/// A request with the secret key of an instance.
pub(crate) type KeyRequest = Request<Context>;

impl<C: Caller, P, I> Deref for Call<C, P, I> {
    type Target = Request<C::Context>;

    fn deref(&self) -> &Self::Target {
        &self.request
    }
}

impl<C: Caller, P, I> Call<C, P, I> {
    pub(crate) fn new(
        app: Arc<App>,
        taken: Headers,
        context: C::Context,
        path: P,
        parts: Parts,
        body: Bytes,
    ) -> Self {
        let request = Request { app, taken, context, parts, body };
        Self { path, request, input: PhantomData }
    }
}

impl<C: Caller, P, I: Input> Call<C, P, I> {
    /// The input. Whatever is wrong with a field is noted in it.
    pub(crate) fn read(&self) -> Result<Read<I>, Failure> {
        let version = self.context.as_ref().version.as_str();
        match I::PLACE {
            Place::Query => Ok(Query::parse(self.parts.uri.query(), version)?.read()),
            Place::Body | Place::Items { .. } | Place::Nowhere => {
                Ok(Fields::parse(&self.body, self.content_type()?, version)?.read())
            }
        }
    }

    /// The inputs of a body that is an array.
    pub(crate) fn read_items(&self) -> Result<Vec<Read<I>>, Failure> {
        let version = self.context.as_ref().version.as_str();
        let items = Fields::parse_items(&self.body, self.content_type()?, version)?;
        Ok(items.into_iter().map(Fields::read).collect())
    }

    fn content_type(&self) -> Result<Option<&str>, Failure> {
        let headers = &self.parts.headers;
        if sent_with_different_values(headers, &header::CONTENT_TYPE) {
            return Err((&CONTENT_TYPE_UNSUPPORTED).into());
        }
        Ok(headers.get(header::CONTENT_TYPE).map(|value| value.to_str().unwrap_or("?")))
    }
}

impl KeyRequest {
    /// The time of the instance.
    pub(crate) fn now(&self) -> UnixMillis {
        self.app.now(&self.context.instance.id)
    }

    /// What there is to know of the instance.
    pub(crate) async fn facts(&self) -> Result<Arc<InstanceFacts>, Failure> {
        self.app.instance_facts(&self.context.instance, self.context.deadline).await
    }

    /// As of when, and by which settings, a user is shown.
    pub(crate) async fn shown(&self) -> Result<Shown, Failure> {
        Ok(Shown { now: self.now(), lockout: Lockout::of(&self.facts().await?.settings) })
    }
}

impl<C> Request<C> {
    /// The standard headers of a write, of which those are refused that the operation does not take: a condition that
    /// nobody looks at must not be taken for kept.
    pub(crate) fn write_headers(&self) -> Result<WriteHeaders, Failure> {
        let headers = WriteHeaders::of(&self.parts.headers)?;
        headers.refuse_others(self.taken)?;
        Ok(headers)
    }

    /// Whether the client has this version already (RFC 9110 section 13.1.2).
    pub(crate) fn has_version(&self, version: i64) -> bool {
        entity_tags(&self.parts.headers, &header::IF_NONE_MATCH)
            .is_some_and(|tags| tags.matches_weakly(&entity_tag(version)))
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
