//! URLs that native applications may be sent back to.

use crate::origin::Origin;
use crate::{Malformed, Unit};
use verger_wire::{RedirectUrlId, UnixMillis};

/// The most bytes of a URL.
pub const URL_BYTES_MAX: usize = 2_000;
/// The most URLs of an instance.
pub const REDIRECT_URLS_MAX: i64 = 1_000;
/// Schemes that a browser runs or shows by itself, instead of opening an application.
const SCHEMES_OF_BROWSERS: [&str; 10] =
    ["javascript", "data", "vbscript", "file", "blob", "about", "filesystem", "view-source", "ws", "wss"];

/// A URL that is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedirectUrl {
    /// `ru_…`.
    pub id: RedirectUrlId,
    /// The URL, compared as it is.
    pub url: String,
    /// When it was added.
    pub created_at: UnixMillis,
    /// When it last changed.
    pub updated_at: UnixMillis,
}

/// A stored URL that is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenUrl(pub Malformed);

impl RedirectUrl {
    /// Looks at the rule of a single URL. Runs after every load.
    ///
    /// # Errors
    /// It is none.
    pub fn check(&self) -> Result<(), BrokenUrl> {
        check_url(&self.url).map_err(BrokenUrl)
    }
}

/// Judges a URL: https, http on this machine, or a scheme of an application.
///
/// # Errors
/// What is wrong with it.
pub fn check_url(url: &str) -> Result<(), Malformed> {
    const FORM: Malformed =
        Malformed::Form("must be a URL such as https://app.example.com/done or com.example.app://done");
    if url.len() > URL_BYTES_MAX {
        return Err(Malformed::TooLong { max: URL_BYTES_MAX, length: url.len(), unit: Unit::Bytes });
    }
    if url.bytes().any(|byte| byte <= b' ' || byte == b'\\' || byte >= 0x7f) {
        return Err(Malformed::Form(
            "must not have blanks, backslashes, control characters or other than ASCII in it",
        ));
    }
    let (scheme, rest) = url.split_once(':').ok_or(FORM)?;
    let scheme = scheme.to_ascii_lowercase();
    // RFC 3986 section 3.1.
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_lowercase())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    if !is_scheme || !rest.starts_with('/') {
        return Err(FORM);
    }
    if SCHEMES_OF_BROWSERS.contains(&scheme.as_str()) {
        return Err(Malformed::Form("must have the scheme https or that of an application"));
    }
    if scheme == "https" || scheme == "http" {
        let origin = Origin::of_url(url).map_err(Malformed::Form)?;
        if scheme == "http" && !origin.is_loopback() {
            return Err(Malformed::Form("must begin with https://: http stays on this machine"));
        }
    }
    Ok(())
}
