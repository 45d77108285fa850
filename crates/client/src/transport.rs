//! The way to the service: HTTP/1.1 over TCP or TLS, or a mock.

use crate::error::Error;
use crate::operation::Method;
use crate::pool::Pool;
use crate::testing::MockTransport;
use bytes::{Bytes, BytesMut};
use http::header::{self, HeaderValue};
use http::uri::PathAndQuery;
use http::{HeaderMap, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Incoming as IncomingBody};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::crypto::aws_lc_rs;
use std::error::Error as StdError;
use std::time::Duration;

pub(crate) enum Transport {
    Http(Pool),
    Mock(MockTransport),
}

/// One attempt.
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Its answer.
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
    /// It may have been sent.
    Interrupted(Cause),
}

impl Transport {
    pub(crate) fn http(is_https: bool, connect_timeout: Duration) -> Result<Self, Error> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(connect_timeout));
        let connector = if is_https {
            HttpsConnectorBuilder::new()
                .with_provider_and_native_roots(aws_lc_rs::default_provider())
                .map_err(|cause| {
                    let why = "the system has no root certificates to check https with: install them (often a package \
                               named ca-certificates), or name a file of them in SSL_CERT_FILE";
                    Error::caused_by(crate::error::Kind::Refused(why.to_owned()), cause)
                })?
                .https_only()
                .enable_http1()
                .wrap_connector(tcp)
        } else {
            // Without roots: reading them takes milliseconds that plain http has no use for.
            let tls = rustls::ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into())
                .with_safe_default_protocol_versions()
                .map_err(|cause| {
                    Error::caused_by(crate::error::Kind::Refused("TLS cannot be set up".to_owned()), cause)
                })?
                .with_root_certificates(rustls::RootCertStore::empty())
                .with_no_client_auth();
            HttpsConnector::from((tcp, tls))
        };
        Ok(Self::Http(Pool::new(connector)))
    }

    pub(crate) async fn send(
        &self,
        outgoing: &Outgoing,
        success_bytes_max: usize,
        error_bytes_max: usize,
    ) -> Result<Incoming, Failure> {
        let pool = match self {
            Self::Mock(mock) => return mock.answer(outgoing, success_bytes_max, error_bytes_max).await,
            Self::Http(pool) => pool,
        };
        let (response, mut live) = pool.send(&outgoing.uri, request(outgoing)?).await?;
        let (head, body) = response.into_parts();
        let status = head.status.as_u16();
        let is_success = head.status.is_success();
        let bytes_max = if is_success { success_bytes_max } else { error_bytes_max };
        let body = match live.drive(read(body, bytes_max)).await {
            Ok(body) => body,
            Err(cause) if is_success => return Err(Failure::Interrupted(cause)),
            // The status says more than the broken connection.
            Err(_) => None,
        };
        pool.keep(live).await;
        Ok(Incoming { status, headers: head.headers, body })
    }
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
