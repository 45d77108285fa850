//! The API reference: a page for people, made from the OpenAPI document that tests hold to the published one.
//!
//! The page needs nothing but itself (no script, no font, no picture), so it can be read offline and under the
//! strictest content security policy: `default-src 'none'; style-src 'unsafe-inline'`.

mod document;
mod markdown;

use self::document::Document;
use askama::Template as _;
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use serde_json::Value;
use std::sync::{LazyLock, Mutex, PoisonError};
use verger_http::compress;

/// The address in the document, in whose place the one that was asked comes.
const ADDRESS: &str = "http://127.0.0.1:4100";
/// What a shell reads the secret key with.
const KEY_FOR_SHELL: &str = "$(cat verger-data/secret-key)";
/// What stands in examples for ids that only the reader has.
const USER_ID: &str = "USER_ID";
const PHONE_NUMBER_ID: &str = "PHONE_NUMBER_ID";
/// For how many readers a document is kept compressed. To one more it goes as it is: nobody can make the server compress
/// again and again.
const READERS_MAX: usize = 16;

/// Our OpenAPI document: what this server implements.
fn openapi_json() -> &'static str {
    include_str!("../../openapi/verger.json")
}

/// The API reference as HTML. Rendered once, at the first call.
fn page() -> &'static str {
    static PAGE: LazyLock<String> = LazyLock::new(|| match render() {
        Ok(page) => page,
        // The document is embedded and a test renders it, so nobody should ever read this.
        Err(error) => format!("<!doctype html><title>Reference</title><p>The reference has a fault: {error}"),
    });
    &PAGE
}

/// What is served about the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Text {
    /// The OpenAPI document, as JSON.
    OpenApi,
    /// The reference, as HTML.
    Page,
}

/// Whom the examples are for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reader {
    /// `http://` and the host that was asked.
    pub(crate) address: String,
    /// What a shell reads the secret key with; characters that mean nothing in HTML or JSON.
    pub(crate) key_for_shell: String,
    /// The demo user, if there is one.
    pub(crate) user_id: Option<String>,
    /// Its first phone number.
    pub(crate) phone_number_id: Option<String>,
}

/// The address that a request was sent to. A `Host` that is none is nobody's: then the default.
pub(crate) fn address_of(headers: &HeaderMap) -> String {
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = hosts.next().filter(|_| hosts.next().is_none()).and_then(|host| host.to_str().ok());
    match host.filter(|host| is_host(host)) {
        Some(host) => format!("http://{host}"),
        None => ADDRESS.to_owned(),
    }
}

/// A name, an IPv4 address or an IPv6 address in brackets, and perhaps a port. Nothing that means something in HTML, JSON
/// or a shell.
fn is_host(host: &str) -> bool {
    const CHARACTERS_MAX: usize = 255;
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        _ => (host, None),
    };
    let is_name = match name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte))
        }
    };
    let is_port = |port: &str| port.parse::<u16>().is_ok() && port.bytes().all(|byte| byte.is_ascii_digit());
    host.len() <= CHARACTERS_MAX && is_name && port.is_none_or(is_port)
}

/// A text for this reader.
pub(crate) fn text_for(text: Text, reader: &Reader) -> String {
    let text = match text {
        Text::OpenApi => openapi_json(),
        Text::Page => page(),
    };
    let mut text = text.replace(ADDRESS, &reader.address).replace(KEY_FOR_SHELL, &reader.key_for_shell);
    for (placeholder, id) in [(USER_ID, &reader.user_id), (PHONE_NUMBER_ID, &reader.phone_number_id)] {
        if let Some(id) = id {
            text = text.replace(placeholder, id);
        }
    }
    text
}

/// The same, compressed once for each reader; `None` if there are too many of them.
pub(crate) fn gzip_for(text: Text, reader: &Reader) -> Option<Bytes> {
    static KEPT: Mutex<Vec<(Text, Reader, Bytes)>> = Mutex::new(Vec::new());
    let find = |kept: &Vec<(Text, Reader, Bytes)>| {
        let found = kept.iter().find(|(of, whose, _)| *of == text && whose == reader);
        found.map(|(.., bytes)| bytes.clone())
    };
    {
        let kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bytes) = find(&kept) {
            return Some(bytes);
        }
        if kept.len() >= READERS_MAX * 2 {
            return None;
        }
    }
    let bytes = match compress::gzip(&text_for(text, reader)) {
        Ok(bytes) => bytes,
        Err(error) => {
            tracing::warn!(%error, "the API reference could not be compressed");
            return None;
        }
    };
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if kept.len() < READERS_MAX * 2 && find(&kept).is_none() {
        kept.push((text, reader.clone(), bytes.clone()));
    }
    Some(bytes)
}

fn render() -> Result<String, Box<dyn std::error::Error>> {
    let document: Value = serde_json::from_str(openapi_json())?;
    Ok(Document::new(&document).page().render()?)
}

#[cfg(test)]
mod tests;
