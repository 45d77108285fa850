//! What there is to know of an instance.

use crate::error::Failure;
use crate::reasons::FRONTEND_HOST_MISSING;
use verger_core::instance::cookie_domain;
use verger_core::origin::AllowedOrigins;
use verger_core::{Environment, FrontendHost, Settings};

/// What there is to know of an instance.
#[derive(Clone, Debug)]
pub(crate) struct InstanceFacts {
    /// What it is for.
    pub(crate) environment: Environment,
    /// What it is set to.
    pub(crate) settings: Settings,
    /// Under which hosts browsers reach it, the first one first.
    pub(crate) hosts: Vec<FrontendHost>,
    /// Whether these hosts are reached without TLS, which only `verger dev` is.
    pub(crate) is_plain: bool,
}

impl InstanceFacts {
    /// What tokens name as their issuer: the host that the request came to if it is one of the instance's, else the first.
    ///
    /// # Errors
    /// The instance has no host.
    pub(crate) fn issuer(&self, asked: Option<&str>) -> Result<String, Failure> {
        let of_request = asked.and_then(|asked| self.hosts.iter().find(|host| host.as_str() == asked));
        let host = of_request.or(self.hosts.first()).ok_or_else(|| Failure::from(&FRONTEND_HOST_MISSING))?;
        Ok(self.url_of(host))
    }

    /// Where a host is reached, without a slash at the end.
    pub(crate) fn url_of(&self, host: &FrontendHost) -> String {
        format!("{}://{host}", if self.is_plain { "http" } else { "https" })
    }

    /// The origins that may use the Frontend API of the instance.
    #[cfg_attr(not(test), expect(dead_code, reason = "the Frontend API asks for it"))]
    pub(crate) fn allowed_origins(&self) -> AllowedOrigins {
        let own: Vec<_> = self.hosts.iter().map(|host| self.url_of(host)).collect();
        let listed = self.settings.frontend.allowed_origins.iter().map(String::as_str);
        AllowedOrigins::new(self.environment, own.iter().map(String::as_str), listed)
    }

    /// The domain of the cookies that pages and the frontend host share; in production alone.
    pub(crate) fn cookie_domain(&self) -> Option<String> {
        let frontend = &self.settings.frontend;
        let domain = cookie_domain(&self.hosts, frontend.cookie_domain.as_deref(), &frontend.allowed_origins);
        domain.filter(|_| self.environment == Environment::Production)
    }
}
