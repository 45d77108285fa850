//! PEM (RFC 7468), in both directions.
//!
//! Reading is tolerant: keys arrive in environment variables and JSON, where line breaks turn into spaces, into `\n` as two
//! characters, or vanish, and the official SDKs accept a public key without its first and last line.

use crate::error::KeyError;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretSlice;

/// The longest text that is read. An RSA key of 8192 bits has 6.4 KiB.
const TEXT_BYTES_MAX: usize = 16 * 1024;

pub(crate) fn decode(text: &str) -> Result<SecretSlice<u8>, KeyError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(KeyError::NotPem);
    }
    let text = text.replace("\\n", "\n");
    let mut base64 = String::with_capacity(text.len());
    // Outside of the dashes: nothing, the base64, nothing. Without dashes: the base64 alone.
    let parts: Vec<&str> = text.split("-----").collect();
    let body = match parts[..] {
        [body] => body,
        [before, begin, body, end, after]
            if begin.starts_with("BEGIN ")
                && end.starts_with("END ")
                && before.trim().is_empty()
                && after.trim().is_empty() =>
        {
            body
        }
        _ => return Err(KeyError::NotPem),
    };
    base64.extend(body.chars().filter(|character| !character.is_whitespace()));
    let der = STANDARD.decode(base64).map_err(|_| KeyError::NotPem)?;
    if der.is_empty() {
        return Err(KeyError::NotPem);
    }
    Ok(SecretSlice::from(der))
}

/// A public key, in lines of 64 characters.
pub(crate) fn encode_public(der: &[u8]) -> String {
    let base64 = STANDARD.encode(der);
    let mut text = String::with_capacity(base64.len() + base64.len() / 64 + 64);
    text.push_str("-----BEGIN PUBLIC KEY-----\n");
    for (at, character) in base64.chars().enumerate() {
        if at > 0 && at % 64 == 0 {
            text.push('\n');
        }
        text.push(character);
    }
    text.push_str("\n-----END PUBLIC KEY-----\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret as _;

    #[test]
    fn a_key_is_read_however_its_lines_arrive() {
        let pem = encode_public(&[7; 294]);
        for text in [
            pem.clone(),
            pem.replace('\n', "\r\n"),
            pem.replace('\n', " "),
            pem.replace('\n', "\\n"),
            pem.replace('\n', ""),
            pem.replace("-----BEGIN PUBLIC KEY-----", "").replace("-----END PUBLIC KEY-----", ""),
        ] {
            assert_eq!(decode(&text).unwrap().expose_secret(), [7; 294], "{text}");
        }
    }

    #[test]
    fn what_is_no_pem_is_refused() {
        let pem = encode_public(&[7; 294]);
        for text in [
            String::new(),
            "-----".to_owned(),
            "-----BEGIN PUBLIC KEY-----".to_owned(),
            "-----BEGIN PUBLIC KEY----------END PUBLIC KEY-----".to_owned(),
            format!("{pem}{pem}"),
            format!("key: {pem}"),
            pem.replace('B', "*"),
            "A".repeat(TEXT_BYTES_MAX + 4),
        ] {
            assert!(decode(&text).is_err(), "{text}");
        }
    }
}
