//! Status callbacks of providers: whether they are genuine, and what they say.
//!
//! Pure functions over what came in. The address that is signed is the configured one, never one that is put together
//! from a request's `Host`, which whoever sends the request decides.

use crate::section::Secret;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// More of a callback's body is refused.
pub const BODY_BYTES_MAX: usize = 16 * 1024;
const FIELDS_MAX: usize = 100;
/// The parameter of the callback address that holds the id of our message.
pub const MESSAGE_PARAMETER: &str = "message";

/// The fields of a form, in the order in which they came.
pub type Fields = Vec<(String, String)>;

/// What a provider says has become of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeliveryStatus {
    /// The provider has it and has not begun.
    Queued,
    /// On its way, or taken over by the carrier.
    Accepted,
    /// The recipient's device has received it.
    Delivered,
    /// It has not arrived, and will not.
    Failed {
        /// Our words with the provider's number.
        reason: String,
    },
}

/// One status callback of Twilio.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TwilioStatus {
    /// Twilio's name for the message: what [`Accepted::provider_id`](crate::Accepted::provider_id) was.
    pub message_sid: String,
    /// The state that the callback reports.
    pub status: DeliveryStatus,
}

/// Why a callback says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallbackError {
    /// Not a form, or too large.
    #[error("the body is not a readable form")]
    Form,
    /// `MessageSid` is missing or is none.
    #[error("MessageSid is missing or malformed")]
    MessageSid,
    /// `MessageStatus` is missing or unknown: nothing follows from it.
    #[error("MessageStatus is missing or unknown")]
    MessageStatus,
}

impl DeliveryStatus {
    /// Callbacks come in any order and more than once: only a later status may take the place of an earlier one. Of
    /// arrived and failed, the first that was heard stays.
    pub fn follows(&self, earlier: &Self) -> bool {
        self.rank() > earlier.rank()
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Queued => 0,
            Self::Accepted => 1,
            Self::Delivered | Self::Failed { .. } => 2,
        }
    }
}

/// The callback address for one message: the configured one with the message's id.
pub fn url_for_message(status_callback_url: &str, message_id: &str) -> String {
    let separator = if status_callback_url.contains('?') { '&' } else { '?' };
    format!("{status_callback_url}{separator}{MESSAGE_PARAMETER}={message_id}")
}

/// Reads `application/x-www-form-urlencoded`.
///
/// # Errors
/// [`CallbackError::Form`]
pub fn read_form(body: &[u8]) -> Result<Fields, CallbackError> {
    if body.len() > BODY_BYTES_MAX {
        return Err(CallbackError::Form);
    }
    let text = std::str::from_utf8(body).map_err(|_| CallbackError::Form)?;
    let decode = |part: &str| {
        let spaced = part.replace('+', " ");
        percent_encoding::percent_decode_str(&spaced)
            .decode_utf8()
            .map(std::borrow::Cow::into_owned)
            .map_err(|_| CallbackError::Form)
    };
    let mut fields = Fields::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        if fields.len() == FIELDS_MAX {
            return Err(CallbackError::Form);
        }
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        fields.push((decode(name)?, decode(value)?));
    }
    Ok(fields)
}

/// Whether a request to `url` with these fields was signed with the auth token: base64 of HMAC-SHA1 over the URL and
/// the fields by name. `url` is the public one as it was given to Twilio, with its query.
///
/// Twilio signs with the port or without it, depending on the product and the year, whether it is the scheme's own or
/// another, so both count here. Host and path are always those that are configured.
pub fn is_signed_by_twilio(auth_token: &Secret, url: &str, fields: &Fields, signature: &str) -> bool {
    let Ok(tag) = STANDARD.decode(signature.trim()) else { return false };
    let mut sorted: Vec<_> = fields.iter().collect();
    sorted.sort();
    // A field that came twice with one value counts once.
    sorted.dedup();
    let mut rest = String::new();
    for (name, value) in sorted {
        rest.push_str(name);
        rest.push_str(value);
    }
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, auth_token.expose().as_bytes());
    let is_right = |url: String| hmac::verify(&key, format!("{url}{rest}").as_bytes(), &tag).is_ok();
    forms(url).into_iter().any(is_right)
}

/// The forms of an address that are signed: as it is written, without its port, and with the port that its scheme has.
fn forms(url: &str) -> Vec<String> {
    let mut forms = vec![url.to_owned()];
    let Some((scheme, rest)) = url.split_once("://") else { return forms };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    // A colon within brackets is of the address.
    let host_end = authority.rfind(']').map_or(0, |at| at + 1);
    match authority[host_end..].find(':') {
        Some(at) => forms.push(format!("{scheme}://{}{path}", &authority[..host_end + at])),
        None if scheme.eq_ignore_ascii_case("https") => {
            forms.push(format!("{scheme}://{authority}:443{path}"));
        }
        None if scheme.eq_ignore_ascii_case("http") => forms.push(format!("{scheme}://{authority}:80{path}")),
        None => {}
    }
    forms
}

/// What a genuine status callback says.
///
/// # Errors
/// [`CallbackError`]; a status that is unknown changes nothing and is answered like any other.
pub fn read_twilio_status(fields: &Fields) -> Result<TwilioStatus, CallbackError> {
    let field = |name: &str| fields.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str());
    let message_sid =
        field("MessageSid").filter(|sid| is_message_sid(sid)).ok_or(CallbackError::MessageSid)?.to_owned();
    let status = match field("MessageStatus").unwrap_or_default() {
        "accepted" | "scheduled" | "queued" => DeliveryStatus::Queued,
        "sending" | "sent" => DeliveryStatus::Accepted,
        "delivered" | "read" => DeliveryStatus::Delivered,
        status @ ("undelivered" | "failed" | "canceled") => {
            let code = field("ErrorCode").and_then(|code| code.parse::<u32>().ok()).filter(|code| *code != 0);
            DeliveryStatus::Failed {
                reason: match code {
                    Some(code) => format!("{status}, code {code}"),
                    None => status.to_owned(),
                },
            }
        }
        _ => return Err(CallbackError::MessageStatus),
    };
    Ok(TwilioStatus { message_sid, status })
}

/// Whether it may be Twilio's name for a message: it only must be fit to be stored and shown.
pub(crate) fn is_message_sid(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    // Signatures computed with OpenSSL on the command line and with Python's hmac module; they agree.
    const TOKEN: &str = "0123456789abcdef0123456789abcdef";
    const URL: &str = "https://id.example.com/verger/v1/callbacks/twilio?message=sms_1";
    const BODY: &[u8] =
        b"SmsSid=SM0&MessageStatus=delivered&To=%2B15005550006&MessageSid=SM0&Body=a+b%26c&ErrorCode=";
    const SIGNATURE: &str = "rjaqT6vJidGxc53kBmz3NIbV8NA=";
    const SIGNATURE_WITH_PORT: &str = "DsPVUTQq81YPwSVOQ/1DzhNnPXU=";
    const SIGNATURE_OF_GET: &str = "RD+qHTBw8Edar9WAwt8b8zdGPmk=";
    const SIGNATURE_OF_REPEATED: &str = "oy//ZtfzsRybVsET8foUrHv2dSw=";

    fn is_signed(token: &str, url: &str, body: &[u8], signature: &str) -> bool {
        is_signed_by_twilio(&token.into(), url, &read_form(body).unwrap(), signature)
    }

    fn status(body: &str) -> Result<DeliveryStatus, CallbackError> {
        read_twilio_status(&read_form(body.as_bytes()).unwrap()).map(|read| read.status)
    }

    #[test]
    fn a_genuine_callback_is_recognised_with_and_without_the_default_port() {
        assert!(is_signed(TOKEN, URL, BODY, SIGNATURE));
        assert!(is_signed(TOKEN, URL, BODY, SIGNATURE_WITH_PORT));
        let with_port = URL.replace(".com/", ".com:443/");
        assert!(is_signed(TOKEN, &with_port, BODY, SIGNATURE));
        assert!(is_signed(TOKEN, URL, b"", SIGNATURE_OF_GET));
        assert!(is_signed(TOKEN, URL, b"b=2&a=1&a=1&a=0", SIGNATURE_OF_REPEATED));
    }

    fn sign(url: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, TOKEN.as_bytes());
        STANDARD.encode(hmac::sign(&key, format!("{url}MessageSidSM1").as_bytes()))
    }

    #[test]
    fn signature_counts_with_the_port_and_without_it_and_over_no_other_address() {
        let cases: &[(&str, &[&str], &[&str])] = &[
            (
                "https://id.example.com:8443/cb?message=sms_1",
                &["https://id.example.com:8443/cb?message=sms_1", "https://id.example.com/cb?message=sms_1"],
                &[
                    "https://id.example.com:443/cb?message=sms_1",
                    "https://id.example.com:8444/cb?message=sms_1",
                    "http://id.example.com/cb?message=sms_1",
                    "https://id.example.com:8443/cb?message=sms_2",
                    "https://id.example.com/cb",
                    "https://id.example.com.evil.example/cb?message=sms_1",
                ],
            ),
            (
                "https://id.example.com/cb",
                &["https://id.example.com/cb", "https://id.example.com:443/cb"],
                &["https://id.example.com:80/cb", "https://id.example.com:8443/cb", "https://example.com/cb"],
            ),
            (
                "https://id.example.com:443/cb",
                &["https://id.example.com/cb", "https://id.example.com:443/cb"],
                &["https://id.example.com:4430/cb"],
            ),
            (
                "http://localhost/cb",
                &["http://localhost/cb", "http://localhost:80/cb"],
                &["http://localhost:443/cb"],
            ),
            (
                "http://localhost:80/cb",
                &["http://localhost/cb", "http://localhost:80/cb"],
                &["http://localhost:8/cb"],
            ),
            (
                "http://127.0.0.1:4100/cb",
                &["http://127.0.0.1:4100/cb", "http://127.0.0.1/cb"],
                &["http://127.0.0.1:80/cb"],
            ),
            (
                "https://[2001:db8::1]:8443/cb?a=b:c",
                &["https://[2001:db8::1]:8443/cb?a=b:c", "https://[2001:db8::1]/cb?a=b:c"],
                &["https://[2001:db8:/cb?a=b:c", "https://[2001:db8::1]:443/cb?a=b:c"],
            ),
            (
                "https://[2001:db8::1]/cb",
                &["https://[2001:db8::1]/cb", "https://[2001:db8::1]:443/cb"],
                &["https://[2001/cb"],
            ),
            ("https://id.example.com:8443?a=1", &["https://id.example.com?a=1"], &["https://id.example.com"]),
        ];
        for (configured, good, forged) in cases {
            for (signed, expected) in
                good.iter().map(|url| (url, true)).chain(forged.iter().map(|url| (url, false)))
            {
                let is_right = is_signed(TOKEN, configured, b"MessageSid=SM1", &sign(signed));
                assert_eq!(is_right, expected, "{configured} signed as {signed}");
            }
        }
    }

    #[test]
    fn whatever_is_changed_is_noticed() {
        let delivered = String::from_utf8(BODY.to_vec()).unwrap();
        for (token, url, body, signature) in [
            ("1123456789abcdef0123456789abcdef", URL, delivered.clone(), SIGNATURE),
            (
                TOKEN,
                "https://id.example.com/verger/v1/callbacks/twilio?message=sms_2",
                delivered.clone(),
                SIGNATURE,
            ),
            (
                TOKEN,
                "http://id.example.com/verger/v1/callbacks/twilio?message=sms_1",
                delivered.clone(),
                SIGNATURE,
            ),
            // Made with a port that is not the configured one.
            (
                TOKEN,
                "https://id.example.com:8443/verger/v1/callbacks/twilio?message=sms_1",
                delivered.clone(),
                SIGNATURE_WITH_PORT,
            ),
            (TOKEN, URL, delivered.replace("delivered", "failed"), SIGNATURE),
            (TOKEN, URL, format!("{delivered}&More=1"), SIGNATURE),
            (TOKEN, URL, delivered.clone(), ""),
            (TOKEN, URL, delivered.clone(), "not base64!"),
            (TOKEN, URL, delivered.clone(), &SIGNATURE[..8]),
        ] {
            assert!(!is_signed(token, url, body.as_bytes(), signature), "{url} {body} {signature}");
        }
    }

    #[test]
    fn every_status_has_its_meaning() {
        use DeliveryStatus::{Accepted, Delivered, Queued};
        let failed = |reason: &str| Ok(DeliveryStatus::Failed { reason: reason.to_owned() });
        for (fields, expected) in [
            ("MessageStatus=queued", Ok(Queued)),
            ("MessageStatus=accepted", Ok(Queued)),
            ("MessageStatus=scheduled", Ok(Queued)),
            ("MessageStatus=sending", Ok(Accepted)),
            ("MessageStatus=sent", Ok(Accepted)),
            ("MessageStatus=delivered", Ok(Delivered)),
            ("MessageStatus=read", Ok(Delivered)),
            ("MessageStatus=undelivered&ErrorCode=30003", failed("undelivered, code 30003")),
            ("MessageStatus=failed&ErrorCode=", failed("failed")),
            ("MessageStatus=failed&ErrorCode=%2B15005550006%20", failed("failed")),
            ("MessageStatus=canceled", failed("canceled")),
            ("MessageStatus=DELIVERED", Err(CallbackError::MessageStatus)),
            ("", Err(CallbackError::MessageStatus)),
        ] {
            assert_eq!(status(&format!("MessageSid=SM1&{fields}")), expected, "{fields}");
        }
        assert_eq!(status("MessageStatus=sent"), Err(CallbackError::MessageSid));
        assert_eq!(status("MessageSid=a%20b&MessageStatus=sent"), Err(CallbackError::MessageSid));
    }

    #[test]
    fn a_status_never_goes_back() {
        use DeliveryStatus::{Accepted, Delivered, Queued};
        let failed = DeliveryStatus::Failed { reason: String::new() };
        let order = [Queued, Accepted, Delivered];
        for (i, earlier) in order.iter().enumerate() {
            for (j, later) in order.iter().enumerate() {
                assert_eq!(later.follows(earlier), j > i, "{earlier:?} {later:?}");
            }
        }
        assert!(failed.follows(&Accepted) && !failed.follows(&Delivered) && !Delivered.follows(&failed));
    }

    #[test]
    fn a_form_that_cannot_be_read_is_refused() {
        assert_eq!(read_form(b"a=%FF"), Err(CallbackError::Form));
        assert_eq!(read_form(&[0xff]), Err(CallbackError::Form));
        assert_eq!(read_form("a=1&".repeat(101).as_bytes()), Err(CallbackError::Form));
        assert_eq!(read_form(&vec![b'a'; BODY_BYTES_MAX + 1]), Err(CallbackError::Form));
        assert_eq!(
            read_form(b"a+b=%2B1&c&&=d").unwrap(),
            [("a b", "+1"), ("c", ""), ("", "d")].map(|(a, b)| (a.to_owned(), b.to_owned()))
        );
    }

    #[test]
    fn the_message_id_joins_the_query_of_the_callback_address() {
        assert_eq!(url_for_message("https://a.example/cb", "sms_1"), "https://a.example/cb?message=sms_1");
        assert_eq!(
            url_for_message("https://a.example/cb?x=1", "sms_1"),
            "https://a.example/cb?x=1&message=sms_1"
        );
    }
}
