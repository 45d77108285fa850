//! The secrets of users, sealed and opened. What is stored says nothing without `code_keys`, and opens only for its own user
//! and purpose (contract section 8, rule 6).

use crate::codes::Keyring;
use crate::error::Failure;
use verger_core::NewSecrets;
use verger_credentials::{BackupCode, StoredDigest, TotpSecret};
use verger_store::SecretWrite;
use verger_wire::UserId;

/// What a secret of a user is for. It is part of what a sealed text is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Password,
    Totp,
    BackupCodes,
}

impl Purpose {
    /// What a secret of this user is bound to.
    pub(crate) fn seal_name(self, user_id: &UserId) -> String {
        let purpose = match self {
            Self::Password => "password",
            Self::Totp => "TOTP secret",
            Self::BackupCodes => "backup codes",
        };
        format!("{purpose} of {user_id}")
    }
}

/// Seals the new secrets of a user; `None` if there are none.
pub(crate) fn seal_new(
    keyring: &Keyring,
    user_id: &UserId,
    secrets: &NewSecrets,
) -> Result<Option<SecretWrite>, Failure> {
    if secrets.is_empty() {
        return Ok(None);
    }
    let password = secrets.password.as_ref().map(|digest| seal_password(keyring, user_id, digest));
    let totp = secrets.totp_secret.as_ref().map(TotpSecret::to_base32);
    let totp = totp.map(|secret| seal(keyring, Purpose::Totp, user_id, &secret));
    let codes = secrets.backup_codes.as_ref().map(|codes| seal_backup_codes(keyring, user_id, codes));
    Ok(Some(SecretWrite {
        user_id: user_id.clone(),
        password: password.transpose()?,
        totp_secret: totp.transpose()?,
        backup_codes: codes.transpose()?,
    }))
}

pub(crate) fn seal_password(
    keyring: &Keyring,
    user_id: &UserId,
    digest: &StoredDigest,
) -> Result<String, Failure> {
    seal(keyring, Purpose::Password, user_id, &digest.to_text())
}

pub(crate) fn seal_backup_codes(
    keyring: &Keyring,
    user_id: &UserId,
    codes: &[BackupCode],
) -> Result<String, Failure> {
    seal(keyring, Purpose::BackupCodes, user_id, &BackupCode::to_text(codes))
}

pub(crate) fn open_password(
    keyring: &Keyring,
    user_id: &UserId,
    sealed: &str,
) -> Result<StoredDigest, Failure> {
    open(keyring, Purpose::Password, user_id, sealed, StoredDigest::from_text)
}

pub(crate) fn open_totp(keyring: &Keyring, user_id: &UserId, sealed: &str) -> Result<TotpSecret, Failure> {
    open(keyring, Purpose::Totp, user_id, sealed, |text| TotpSecret::parse(text).ok())
}

pub(crate) fn open_backup_codes(
    keyring: &Keyring,
    user_id: &UserId,
    sealed: &str,
) -> Result<Vec<BackupCode>, Failure> {
    open(keyring, Purpose::BackupCodes, user_id, sealed, BackupCode::from_text)
}

fn seal(keyring: &Keyring, purpose: Purpose, user_id: &UserId, text: &str) -> Result<String, Failure> {
    let sealed = keyring.seal(&purpose.seal_name(user_id), text);
    sealed.ok_or_else(|| Failure::Bug(format!("{purpose:?} of {user_id} could not be sealed")))
}

/// That a key is missing is no fault of who typed: it is no wrong guess.
fn open<T>(
    keyring: &Keyring,
    purpose: Purpose,
    user_id: &UserId,
    sealed: &str,
    read: impl FnOnce(&str) -> Option<T>,
) -> Result<T, Failure> {
    let opened = keyring.open(&purpose.seal_name(user_id), sealed).map(zeroize::Zeroizing::new);
    opened.and_then(|text| read(&text)).ok_or_else(|| {
        let key_id = Keyring::key_of(sealed);
        Failure::Bug(format!(
            "{purpose:?} of {user_id} could not be opened: the key {key_id} is not in code_keys, or the text is damaged"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use verger_credentials::Hasher;

    #[test]
    fn secret_opens_for_its_own_user_and_purpose_alone() {
        let keys = Keyring::parse(&Keyring::generate().unwrap()).unwrap();
        let (ada, eve) = (UserId::from("user_ada"), UserId::from("user_eve"));
        let digest = StoredDigest::imported(Hasher::Md5, "d13a384bfba83709c2b4fe3747f1456f").unwrap();
        let secrets = NewSecrets {
            password: Some(digest.clone()),
            totp_secret: Some(TotpSecret::new([7; 20])),
            backup_codes: Some(vec![BackupCode::of("0123-45678-9abc")]),
        };
        let sealed = seal_new(&keys, &ada, &secrets).unwrap().unwrap();
        let [password, totp, codes] =
            [sealed.password, sealed.totp_secret, sealed.backup_codes].map(Option::unwrap);
        assert_eq!(open_password(&keys, &ada, &password).unwrap(), digest);
        assert_eq!(open_totp(&keys, &ada, &totp).unwrap(), TotpSecret::new([7; 20]));
        assert_eq!(open_backup_codes(&keys, &ada, &codes).unwrap(), secrets.backup_codes.unwrap());
        assert!(open_password(&keys, &eve, &password).is_err());
        assert!(open_totp(&keys, &ada, &password).is_err() && open_totp(&keys, &ada, &codes).is_err());
        let others = Keyring::parse(&Keyring::generate().unwrap()).unwrap();
        assert!(open_totp(&others, &ada, &totp).is_err());
        for text in [&password, &totp, &codes] {
            assert!(!text.contains("d13a") && !text.contains("md5"), "{text}");
        }
        assert!(seal_new(&keys, &ada, &NewSecrets::default()).unwrap().is_none());
    }
}
