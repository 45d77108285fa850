//! Which instance a request to the Frontend API is for.

use super::reasons::HOST_INVALID;
use crate::app::App;
use crate::error::Failure;
use axum::http::{HeaderMap, HeaderName, header};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;
use verger_core::FrontendHost;
use verger_store::{Instance, KeyDigest};
use verger_wire::Refused;

/// With a secret key in it, which an application's own proxy adds, the request is for that key's instance.
const SECRET_KEY_HEADER: HeaderName = HeaderName::from_static("clerk-secret-key");

/// The instance of a request: that of the secret key beside it, else of the host that it was sent to, else in development
/// the default one.
///
/// # Errors
/// The key is wrong, or the host is no instance's; in development a name that a page of another site could lead here with
/// (DNS rebinding).
pub(crate) async fn instance_of(
    app: &App,
    headers: &HeaderMap,
    deadline: Instant,
) -> Result<Arc<Instance>, Failure> {
    if let Some(secret) = headers.get(SECRET_KEY_HEADER) {
        return Ok(app.authenticate(KeyDigest::of(secret.to_str().unwrap_or_default()), deadline).await?.1);
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if let Ok(known) = FrontendHost::parse(host.strip_suffix(":443").unwrap_or(host))
        && let Some(instance) = app.store.instance_of_host(&known, deadline).await?
    {
        return Ok(Arc::new(instance));
    }
    match app.dev.as_ref().and_then(|dev| dev.default_instance.get()) {
        Some(instance) if is_of_this_machine(host) => Ok(Arc::clone(instance)),
        _ => Err(Refused::new(&HOST_INVALID).into()),
    }
}

/// `localhost`, a name below it, or an address: no name server can make these lead elsewhere.
fn is_of_this_machine(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.to_ascii_lowercase();
    let address = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(&name);
    name == "localhost" || name.ends_with(".localhost") || address.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_others_could_point_here_are_not_of_this_machine() {
        for host in
            ["localhost", "localhost:4100", "App.localhost:4100", "127.0.0.1:4100", "10.1.2.3", "[::1]:4100"]
        {
            assert!(is_of_this_machine(host), "{host}");
        }
        for host in [
            "",
            "example.com",
            "localhost.example.com",
            "evil-localhost:4100",
            "127.0.0.1.example.com",
            ":80",
        ] {
            assert!(!is_of_this_machine(host), "{host}");
        }
    }
}
