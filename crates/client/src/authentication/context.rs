//! What a request brings that the decision needs.

use super::cookies::Cookies;
use super::incoming::IncomingRequest;
use super::location::{Location, host_name};
use super::publishable_key::PublishableKey;
use super::settings::Settings;
use crate::error::Error;
use verger_jwt::UnverifiedToken;

pub(crate) struct Context<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) request: &'a IncomingRequest,
    pub(crate) now_ms: i64,
    /// As the browser knows it.
    pub(crate) url: Location,
    pub(crate) token_in_header: Option<String>,
    cookies: Cookies,
}

/// What the cookies of the instance say.
pub(crate) struct Browser<'a> {
    pub(crate) key: &'a PublishableKey,
    pub(crate) uses_suffix: bool,
    pub(crate) session_token: Option<String>,
    pub(crate) refresh_token: Option<String>,
    /// When the browser's client changed last, in Unix seconds; 0 if nobody is signed in there.
    pub(crate) client_uat: i64,
    pub(crate) dev_browser: Option<String>,
    pub(crate) handshake_token: Option<String>,
    pub(crate) handshake_nonce: Option<String>,
    pub(crate) redirect_count: u32,
    /// Host, or URL with its scheme.
    frontend_api: String,
}

impl<'a> Context<'a> {
    pub(crate) fn new(settings: &'a Settings, request: &'a IncomingRequest) -> Result<Self, Error> {
        let url = Location::parse(request.url())
            .ok_or_else(|| Error::refused("the URL of a request must be absolute, http or https"))?;
        Ok(Self {
            settings,
            request,
            now_ms: settings.now_ms(),
            url: public_url(url, request),
            token_in_header: request.value("authorization").and_then(|value| token_in(&value)),
            cookies: Cookies::parse(&request.value("cookie").unwrap_or_default()),
        })
    }

    pub(crate) fn browser(&self) -> Result<Browser<'a>, Error> {
        let key = self.settings.publishable_key.as_ref().ok_or_else(|| {
            Error::refused("a request without a token in Authorization needs the publishable key, by which cookies are read")
        })?;
        let uses_suffix = self.uses_suffix(key);
        let chosen = |name: &str| match uses_suffix {
            true => self.suffixed(key, name),
            false => self.cookie(name),
        };
        let parameter_or = |name: &str, cookie: Option<String>| self.url.parameter(name).or(cookie);
        Ok(Browser {
            key,
            uses_suffix,
            session_token: chosen("__session"),
            refresh_token: self.suffixed(key, "__refresh"),
            client_uat: chosen("__client_uat").map_or(0, |text| leading_number(&text)),
            dev_browser: parameter_or("__clerk_db_jwt", chosen("__clerk_db_jwt")),
            handshake_token: parameter_or("__clerk_handshake", self.cookie("__clerk_handshake")),
            handshake_nonce: parameter_or("__clerk_handshake_nonce", self.cookie("__clerk_handshake_nonce")),
            redirect_count: self
                .cookie("__clerk_redirect_count")
                .and_then(|text| text.parse().ok())
                .unwrap_or(0),
            frontend_api: self.frontend_api(key),
        })
    }

    fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.get(name).map(str::to_owned)
    }

    fn suffixed(&self, key: &PublishableKey, name: &str) -> Option<String> {
        self.cookie(&format!("{name}_{}", key.cookie_suffix))
    }

    /// Whether the cookies with the instance's suffix count, or those without: both may be there, of this instance or of another
    /// on the same host, and one of them may be left over from before.
    fn uses_suffix(&self, key: &PublishableKey) -> bool {
        let plain_uat = self.cookie("__client_uat");
        let suffixed_uat = self.suffixed(key, "__client_uat");
        let plain = self.cookie("__session");
        let suffixed = self.suffixed(key, "__session");
        let plain_claims = plain.as_deref().map(Peeked::of);
        let suffixed_claims = suffixed.as_deref().map(Peeked::of).unwrap_or_default();
        if let Some(claims) = &plain_claims {
            let Some(issuer) = &claims.issuer else {
                return false;
            };
            if without_scheme(issuer) != self.frontend_host(key) {
                return true;
            }
        }
        if suffixed_uat.is_none() && suffixed.is_none() {
            return false;
        }
        let is_zero = |uat: &Option<String>| uat.as_deref() == Some("0");
        let plain_iat = plain_claims.unwrap_or_default().iat;
        if !is_zero(&suffixed_uat) && !is_zero(&plain_uat) && plain_iat > suffixed_claims.iat {
            return false;
        }
        if is_zero(&suffixed_uat) && !is_zero(&plain_uat) {
            return false;
        }
        let is_expired = suffixed_claims.exp.is_some_and(|exp| exp <= self.now_ms / 1_000);
        if !key.is_production && !is_zero(&suffixed_uat) && is_zero(&plain_uat) && is_expired {
            return false;
        }
        !(suffixed_uat.is_none() && suffixed.is_some())
    }

    fn frontend_api(&self, key: &PublishableKey) -> String {
        if let Some(proxy) = &self.settings.proxy_url {
            return if proxy.starts_with('/') {
                format!("{}{proxy}", self.url.origin())
            } else {
                proxy.clone()
            };
        }
        self.frontend_host(key)
    }

    /// The host of the instance's Frontend API; in production a satellite has one on its own domain.
    fn frontend_host(&self, key: &PublishableKey) -> String {
        let domain = self.settings.satellite.as_ref().and_then(|satellite| satellite.domain.as_ref());
        match domain {
            Some(domain) if key.is_production => format!("clerk.{domain}"),
            _ => key.frontend_host.clone(),
        }
    }

    pub(crate) fn is_document(&self) -> bool {
        self.request.value("sec-fetch-dest").as_deref() == Some("document")
    }

    /// A browser that loads a page, and so can be sent elsewhere.
    pub(crate) fn can_be_sent_away(&self) -> bool {
        if !self.request.is_get() {
            return false;
        }
        match self.request.value("sec-fetch-dest").as_deref() {
            Some(destination) => matches!(destination, "document" | "iframe"),
            None => self.request.value("accept").is_some_and(|accept| accept.starts_with("text/html")),
        }
    }

    /// A page of another origin led here, and it is none of the instance's own.
    pub(crate) fn comes_from_elsewhere(&self, browser: &Browser<'_>) -> bool {
        let Some(referrer) = self.request.value("referer").and_then(|referrer| Location::parse(&referrer))
        else {
            return false;
        };
        referrer.origin() != self.url.origin() && !browser.is_known(&referrer)
    }
}

impl Browser<'_> {
    /// Where the Frontend API is, without a slash at its end.
    pub(crate) fn frontend_url(&self) -> String {
        let url = match self.frontend_api.starts_with("http") {
            true => self.frontend_api.clone(),
            false => format!("https://{}", self.frontend_api),
        };
        url.trim_end_matches('/').to_owned()
    }

    /// The Frontend API's own pages, and those of the hosted service's account portals.
    fn is_known(&self, referrer: &Location) -> bool {
        let Some(frontend) = Location::parse(&self.frontend_url()) else {
            return false;
        };
        let host = frontend.host_name();
        let accounts = host.replacen("clerk.accounts.", "accounts.", 1);
        let accounts = if accounts == host { host.replacen("clerk.", "accounts.", 1) } else { accounts };
        let name = referrer.host_name();
        let is_portal_of_development = !self.key.is_production
            && name.ends_with(".accounts.dev")
            && !name.ends_with(".clerk.accounts.dev");
        name == host_name(host)
            || is_portal_of_development
            || (accounts != host && referrer.origin() == format!("https://{accounts}"))
    }
}

/// As much of a token as chooses between cookies. Nothing is proved.
#[derive(Default)]
struct Peeked {
    issuer: Option<String>,
    iat: i64,
    exp: Option<i64>,
}

impl Peeked {
    fn of(token: &str) -> Self {
        let Ok(token) = UnverifiedToken::parse(token) else {
            return Self::default();
        };
        let claims = token.unverified_claims();
        let number = |name: &str| claims.get(name).and_then(serde_json::Value::as_i64);
        let issuer = claims.get("iss").and_then(serde_json::Value::as_str);
        Self {
            issuer: issuer.filter(|issuer| !issuer.is_empty()).map(str::to_owned),
            iat: number("iat").unwrap_or(0),
            exp: number("exp"),
        }
    }
}

fn without_scheme(url: &str) -> &str {
    url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).unwrap_or(url)
}

/// `Bearer x`, or `x` alone; another scheme is no token.
fn token_in(authorization: &str) -> Option<String> {
    let mut words = authorization.split(' ');
    let (first, second) = (words.next()?, words.next().filter(|word| !word.is_empty()));
    match second {
        None => Some(first.to_owned()),
        Some(token) => (first == "Bearer").then(|| token.to_owned()),
    }
    .filter(|token| !token.is_empty())
}

/// The number that a text begins with, or 0.
fn leading_number(text: &str) -> i64 {
    let text = text.trim_start();
    let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    text[..end].parse().unwrap_or(0)
}

/// What the browser asked for, where a proxy stands between.
fn public_url(url: Location, request: &IncomingRequest) -> Location {
    let first = |name: &str| {
        let value = request.value(name)?;
        value.split(',').next().map(|first| first.trim().to_owned()).filter(|first| !first.is_empty())
    };
    let Some(host) = first("x-forwarded-host").or_else(|| request.value("host")) else {
        return url;
    };
    let scheme = first("x-forwarded-proto").unwrap_or_else(|| url.scheme().to_owned());
    url.at_origin(&scheme, &host).unwrap_or(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_taken_from_the_header_as_documented() {
        for (header, token) in [
            ("Bearer x", Some("x")),
            ("x", Some("x")),
            ("Bearer x y", Some("x")),
            ("Basic x", None),
            ("bearer x", None),
            ("Bearer ", Some("Bearer")),
            ("", None),
        ] {
            assert_eq!(token_in(header).as_deref(), token, "{header}");
        }
    }

    #[test]
    fn the_last_change_of_a_client_is_a_number() {
        for (text, number) in
            [("1700000000", 1_700_000_000), ("0", 0), ("", 0), ("x", 0), ("12x", 12), ("-5", 0)]
        {
            assert_eq!(leading_number(text), number, "{text}");
        }
    }

    #[test]
    fn the_public_url_is_what_the_proxy_says() {
        let public = |headers: &[(&str, &str)]| {
            let request = headers
                .iter()
                .fold(IncomingRequest::new("GET", "http://10.0.0.7:8080/a?b=c"), |request, (name, value)| {
                    request.header(name, *value)
                });
            public_url(Location::parse(request.url()).unwrap(), &request).to_string()
        };
        assert_eq!(public(&[]), "http://10.0.0.7:8080/a?b=c");
        assert_eq!(public(&[("host", "app.test")]), "http://app.test/a?b=c");
        assert_eq!(
            public(&[
                ("x-forwarded-host", "shop.test, inner"),
                ("x-forwarded-proto", "https,http"),
                ("host", "x")
            ]),
            "https://shop.test/a?b=c"
        );
        assert_eq!(public(&[("host", "not a host")]), "http://10.0.0.7:8080/a?b=c");
    }
}
