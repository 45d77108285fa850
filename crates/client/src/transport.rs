//! The way to the service: over TCP or TLS, or a mock.

use crate::error::{Error, Kind};
use crate::exchange::{Failure, Incoming, Outgoing, read, request};
use crate::mock::MockTransport;
use crate::pool::Pool;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::crypto::aws_lc_rs;
use std::time::Duration;

pub(crate) enum Transport {
    Http(Pool),
    Mock(MockTransport),
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
                    Error::caused_by(Kind::Refused(why.to_owned()), cause)
                })?
                .https_only()
                .enable_http1()
                .wrap_connector(tcp)
        } else {
            // Without roots: reading them takes milliseconds that plain http has no use for.
            let tls = rustls::ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into())
                .with_safe_default_protocol_versions()
                .map_err(|cause| Error::caused_by(Kind::Refused("TLS cannot be set up".to_owned()), cause))?
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
