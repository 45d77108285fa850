//! Bodies of requests: read whole within bounds, or drained.

use crate::reasons::{BODY_TOO_SLOW, CONTENT_ENCODING_UNSUPPORTED, body_invalid, body_too_large};
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, header};
use std::time::{Duration, Instant};
use verger_wire::Refused;

/// The most bytes of a request's body.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;
/// Of a body that is refused unread, this many times what it may have is read and thrown away, so that the client gets to
/// read the answer.
pub const DRAIN_TIMES: usize = 8;
/// The most bytes of a refused body that are read and dropped.
pub const DRAIN_BYTES_MAX: usize = DRAIN_TIMES * BODY_BYTES_MAX;
const DRAIN_TIME_MAX: Duration = Duration::from_millis(500);
/// Characters of the name of a content coding that an answer repeats.
const ENCODING_CHARACTERS_MAX: usize = 32;

/// Reads a body of at most `bytes_max` bytes, until the deadline.
///
/// # Errors
/// It is compressed, too large, too slow, or ends early.
pub async fn read_body(
    headers: &HeaderMap,
    body: Body,
    bytes_max: usize,
    deadline: Instant,
) -> Result<bytes::Bytes, Refused> {
    use http_body_util::BodyExt as _;
    use http_body_util::LengthLimitError;
    use http_body_util::Limited;
    let announced =
        headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced == Some(0) || axum::body::HttpBody::is_end_stream(&body) {
        return Ok(bytes::Bytes::new());
    }
    if let Some(encoding) = encoding_of(headers) {
        drain(body, DRAIN_TIMES * bytes_max).await;
        return Err(Refused::new(&CONTENT_ENCODING_UNSUPPORTED).with("encoding", encoding));
    }
    if announced.is_some_and(|bytes| bytes > bytes_max as u64) {
        drain(body, DRAIN_TIMES * bytes_max).await;
        return Err(body_too_large(bytes_max));
    }
    let mut limited = Limited::new(body, bytes_max);
    match tokio::time::timeout_at(deadline.into(), (&mut limited).collect()).await {
        Err(_) => Err(Refused::new(&BODY_TOO_SLOW)),
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            drain(limited, DRAIN_TIMES * bytes_max).await;
            Err(body_too_large(bytes_max))
        }
        Ok(Err(_)) => Err(body_invalid("The body ended before it was complete.")),
    }
}

/// The coding in which a body says that it comes and in which nobody here reads it (RFC 9110 section 8.4, RFC 9112
/// section 7).
fn encoding_of(headers: &HeaderMap) -> Option<String> {
    let codings = |name, plain: &'static str| {
        let values = headers.get_all(name).iter().map(HeaderValue::as_bytes);
        let codings = values.flat_map(|value| value.split(|byte| *byte == b','));
        codings
            .map(<[u8]>::trim_ascii)
            .find(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case(plain.as_bytes()))
    };
    let coding = codings(header::CONTENT_ENCODING, "identity")
        .or_else(|| codings(header::TRANSFER_ENCODING, "chunked"))?;
    Some(String::from_utf8_lossy(coding).chars().take(ENCODING_CHARACTERS_MAX).collect())
}

/// Reads and forgets, within bounds.
pub async fn drain(body: impl axum::body::HttpBody<Data = bytes::Bytes> + Unpin, bytes_max: usize) {
    use http_body_util::BodyExt as _;
    let mut body = body;
    let mut left = bytes_max;
    let reading = async {
        while let Some(Ok(frame)) = body.frame().await {
            let Some(more) = left.checked_sub(frame.data_ref().map_or(0, bytes::Bytes::len)) else { return };
            left = more;
        }
    };
    // Whatever comes later meets a closed connection.
    let _ = tokio::time::timeout(DRAIN_TIME_MAX, reading).await;
}
