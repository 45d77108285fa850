//! bcrypt, alone or of something made of the password.

use super::{Cost, Hasher, InvalidDigest, sha256_hex_of};
use ::bcrypt::HashParts;
use zeroize::Zeroizing;

/// The characters of a digest.
const CHARACTERS: usize = 60;
/// The greatest cost that is accepted: 0.7 seconds.
const COST_MAX: u32 = 14;
/// The most bytes of a pepper.
const PEPPER_BYTES_MAX: usize = 256;
/// The cost at which bcrypt takes as long as our own digest does, as a power of two: about 13 ms.
const OWN_ROUNDS: u64 = 1 << 8;

const FORM: InvalidDigest =
    InvalidDigest("must be a bcrypt digest: `$2a$`, `$2b$` or `$2y$`, two digits, `$`, and 53 characters");

#[derive(Clone, PartialEq, Eq)]
pub(super) struct Bcrypt {
    digest: String,
    rounds: u64,
    of: Of,
}

/// What the digest is of.
#[derive(Clone, PartialEq, Eq)]
enum Of {
    Password,
    Peppered(String),
    Sha256,
}

impl Bcrypt {
    pub(super) fn parse(hasher: Hasher, text: &str) -> Result<Self, InvalidDigest> {
        let (digest, of) = match hasher {
            Hasher::BcryptPeppered => {
                const FORM: InvalidDigest =
                    InvalidDigest("must be a bcrypt digest, `$`, and the pepper of at most 256 bytes");
                let (digest, pepper) = text.split_at_checked(CHARACTERS).ok_or(FORM)?;
                let pepper = pepper.strip_prefix('$').filter(|pepper| !pepper.is_empty()).ok_or(FORM)?;
                if pepper.len() > PEPPER_BYTES_MAX {
                    return Err(FORM);
                }
                (digest, Of::Peppered(pepper.to_owned()))
            }
            Hasher::BcryptSha256Django => {
                let digest = text.strip_prefix("bcrypt_sha256$");
                (digest.ok_or(InvalidDigest("must be `bcrypt_sha256$` and a bcrypt digest"))?, Of::Sha256)
            }
            _ => (text, Of::Password),
        };
        let has_form = digest.len() == CHARACTERS
            && ["$2a$", "$2b$", "$2y$"].into_iter().any(|version| digest.starts_with(version));
        let parts: HashParts = if has_form { digest.parse().map_err(|_| FORM)? } else { return Err(FORM) };
        let cost = parts.get_cost();
        // The parser reads a sign, too.
        if digest.get(4..7) != Some(&format!("{cost:02}$")) || cost < 4 {
            return Err(FORM);
        }
        if cost > COST_MAX {
            return Err(InvalidDigest("needs too much work: the cost of bcrypt can be at most 14"));
        }
        Ok(Self { digest: digest.to_owned(), rounds: 1 << cost, of })
    }

    pub(super) fn verify(&self, password: &str) -> bool {
        // Not the functions that refuse a longer password: the system that it comes from cut it off.
        let verify = |text: &str| ::bcrypt::verify(text, &self.digest).unwrap_or(false);
        match &self.of {
            Of::Password => verify(password),
            Of::Peppered(pepper) => verify(&Zeroizing::new(format!("{password}{pepper}"))),
            Of::Sha256 => verify(&sha256_hex_of(password)),
        }
    }

    pub(super) fn cost(&self) -> Cost {
        Cost::of(self.rounds, OWN_ROUNDS)
    }
}
