//! Opaque tokens: 256 random bits behind a prefix that says what it is. Only the SHA-256 of one is stored.
//!
//! Secrets of this length need no key and no slow digest: nobody can guess one from what is stored.

use crate::sha256_hex;
use data_encoding::BASE64URL_NOPAD;
use zeroize::Zeroizing;

/// The random bytes of a token.
pub const RANDOM_BYTES: usize = 32;
/// The characters of a token after its prefix.
const CHARACTERS: usize = 43;

/// A kind of token; its prefix is part of what is looked up, so that one kind is never taken for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// The secret of a client.
    ClientSecret,
    /// A sign-in token, an actor token or an invitation.
    Ticket,
    /// A refresh token.
    Refresh,
    /// The nonce of a handshake.
    HandshakeNonce,
    /// A testing token.
    Testing,
}

impl TokenKind {
    /// Every kind.
    pub const ALL: [Self; 5] =
        [Self::ClientSecret, Self::Ticket, Self::Refresh, Self::HandshakeNonce, Self::Testing];

    /// What a token of this kind begins with.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::ClientSecret => "client_secret_",
            Self::Ticket => "ticket_",
            Self::Refresh => "refresh_",
            Self::HandshakeNonce => "nonce_",
            Self::Testing => "testing_",
        }
    }

    /// The token with these random bytes.
    pub fn token(self, random: [u8; RANDOM_BYTES]) -> Zeroizing<String> {
        Zeroizing::new(format!("{}{}", self.prefix(), BASE64URL_NOPAD.encode(&random)))
    }

    /// What a token of this kind is stored and found by: its SHA-256 in hexadecimal digits. `None` if the text does not have
    /// the form of one.
    pub fn lookup(self, token: &str) -> Option<String> {
        let random = token.strip_prefix(self.prefix())?;
        let has_form = random.len() == CHARACTERS && BASE64URL_NOPAD.decode(random.as_bytes()).is_ok();
        has_form.then(|| sha256_hex(token))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn s22_every_prefix_suffix_and_changed_bit_of_a_token_is_another_or_none() {
        for kind in TokenKind::ALL {
            let token = kind.token([0x5a; RANDOM_BYTES]);
            let lookup = kind.lookup(&token).unwrap();
            assert_eq!(lookup.len(), 64);
            let mut others: Vec<Vec<u8>> =
                (0..token.len()).map(|end| token.as_bytes()[..end].to_vec()).collect();
            others.extend((1..token.len()).map(|start| token.as_bytes()[start..].to_vec()));
            for (at, bit) in (0..token.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
                let mut other = token.as_bytes().to_vec();
                other[at] ^= 1 << bit;
                others.push(other);
            }
            others.extend([format!("{}=", *token), format!(" {}", *token)].map(String::into_bytes));
            for other in others {
                let Ok(other) = String::from_utf8(other) else { continue };
                assert_ne!(kind.lookup(&other), Some(lookup.clone()), "{other}");
            }
        }
    }

    #[test]
    fn token_of_one_kind_is_none_of_another() {
        let tokens: BTreeSet<String> =
            TokenKind::ALL.map(|kind| kind.token([7; RANDOM_BYTES]).to_string()).into();
        assert_eq!(tokens.len(), TokenKind::ALL.len());
        for kind in TokenKind::ALL {
            let known: Vec<_> = tokens.iter().filter(|token| kind.lookup(token).is_some()).collect();
            assert_eq!(known.len(), 1, "{kind:?}");
        }
    }

    #[test]
    fn lookup_is_the_sha_256_of_the_whole_token() {
        let token = TokenKind::Ticket.token([0; RANDOM_BYTES]);
        assert_eq!(*token, format!("ticket_{}", "A".repeat(43)));
        assert_eq!(TokenKind::Ticket.lookup(&token).unwrap(), sha256_hex(&token));
        assert_eq!(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
