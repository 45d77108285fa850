//! How far the server's certificate is checked: `sslmode` and `sslrootcert` as libpq understands them.

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use std::sync::Arc;

/// What is asked of the server's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verification {
    /// TLS is disabled.
    Off,
    /// `prefer`, and `require` without `sslrootcert`: encrypted, for whoever answers.
    Nothing,
    /// `verify-ca`, and `require` with `sslrootcert`: an authority that is trusted vouches for it.
    Authority,
    /// `verify-full`: and it is for this host.
    Full,
}

impl Verification {
    pub(super) fn parse(mode: &str, root_certificates: Option<&str>) -> Result<Self, String> {
        Ok(match (mode, root_certificates) {
            ("disable", _) => Self::Off,
            ("prefer", _) | ("require", None) => Self::Nothing,
            ("require" | "verify-ca", Some(_)) => Self::Authority,
            ("verify-full", Some(_)) => Self::Full,
            ("verify-ca" | "verify-full", None) => {
                return Err(format!(
                    "sslmode {mode} needs sslrootcert: a file with the authority's certificate, or system"
                ));
            }
            _ => {
                return Err("sslmode can be disable, prefer, require, verify-ca or verify-full".to_owned());
            }
        })
    }
}

/// Verifies the certificate of the server.
#[derive(Debug)]
pub(super) struct Trust {
    provider: Arc<CryptoProvider>,
    /// The accepted authorities; `None` accepts any certificate.
    authorities: Option<Arc<WebPkiServerVerifier>>,
    checks_name: bool,
}

impl Trust {
    pub(super) fn new(verification: Verification, root_certificates: Option<&str>) -> Result<Self, String> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let authorities = match (verification, root_certificates) {
            (Verification::Authority | Verification::Full, Some(source)) => {
                let roots = Arc::new(roots(source)?);
                let verifier =
                    WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider)).build();
                Some(verifier.map_err(|error| format!("sslrootcert {source}: {error}"))?)
            }
            _ => None,
        };
        Ok(Self { provider, authorities, checks_name: verification == Verification::Full })
    }

    pub(super) fn client(self) -> Result<ClientConfig, String> {
        let provider = Arc::clone(&self.provider);
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        Ok(builder.dangerous().with_custom_certificate_verifier(Arc::new(self)).with_no_client_auth())
    }
}

fn roots(source: &str) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    if source == "system" {
        let found = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(found.certs);
    } else {
        let unreadable = |error: &dyn std::fmt::Display| format!("sslrootcert {source}: {error}");
        let certificates = CertificateDer::pem_file_iter(source).map_err(|error| unreadable(&error))?;
        for certificate in certificates {
            let certificate = certificate.map_err(|error| unreadable(&error))?;
            roots.add(certificate).map_err(|error| unreadable(&error))?;
        }
    }
    if roots.is_empty() { Err(format!("sslrootcert {source} has no certificate")) } else { Ok(roots) }
}

impl ServerCertVerifier for Trust {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(authorities) = &self.authorities else { return Ok(ServerCertVerified::assertion()) };
        let verified =
            authorities.verify_server_cert(certificate, intermediates, server_name, ocsp_response, now);
        match verified {
            // The name is looked at last: everything else is well.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !self.checks_name => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
