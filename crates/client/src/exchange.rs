//! One attempt and its answer, as HTTP/1.1 has them.

use crate::operation::Method;
use bytes::{Bytes, BytesMut};
use http::header::{self, HeaderValue};
use http::uri::PathAndQuery;
use http::{HeaderMap, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Incoming as IncomingBody};
use std::error::Error as StdError;

/// One attempt, with every header that it is sent with but `Host`.
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// What a service answered to one attempt, read to its end.
pub(crate) struct Incoming {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// `None` if it was larger than the limit.
    pub(crate) body: Option<Bytes>,
}

pub(crate) type Cause = Box<dyn StdError + Send + Sync>;

/// Why there is no answer.
pub(crate) enum Failure {
    /// No connection: nothing was sent.
    Connect(Cause),
    /// The connection broke: the request may have been sent and carried out.
    Interrupted(Cause),
}

/// The request as HTTP/1.1 has it: the path alone, and the host in a header.
pub(crate) fn request(outgoing: &Outgoing) -> Result<http::Request<Full<Bytes>>, Failure> {
    let path = outgoing.uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    let host = outgoing.uri.authority().map_or("", |authority| {
        let text = authority.as_str();
        text.rsplit_once('@').map_or(text, |(_, host)| host)
    });
    let host = HeaderValue::from_str(host).map_err(|cause| Failure::Connect(cause.into()))?;
    let mut request = http::Request::new(Full::new(outgoing.body.clone()));
    *request.method_mut() = outgoing.method.to_http();
    *request.uri_mut() = Uri::from(path);
    let headers = request.headers_mut();
    headers.clone_from(&outgoing.headers);
    headers.entry(header::HOST).or_insert(host);
    Ok(request)
}

/// The whole body; `None` if it is larger than `bytes_max`.
pub(crate) async fn read(mut body: IncomingBody, bytes_max: usize) -> Result<Option<Bytes>, Cause> {
    let announced = body.size_hint().lower();
    if announced > bytes_max as u64 {
        return Ok(None);
    }
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        if whole.is_empty() && body.is_end_stream() {
            return Ok((data.len() <= bytes_max).then_some(data));
        }
        if data.len() > bytes_max - whole.len() {
            return Ok(None);
        }
        whole.extend_from_slice(&data);
    }
    Ok(Some(whole.freeze()))
}
