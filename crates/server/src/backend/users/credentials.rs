//! The fields of a password, a TOTP secret and backup codes in requests, judged.

use crate::app::App;
use crate::error::Failure;
use verger_core::credentials::reasons::{
    PASSWORD_DIGEST_INVALID, PASSWORD_TOO_MANY_BYTES, TOTP_SECRET_INVALID,
};
use verger_core::credentials::{judge_enabled, judge_password};
use verger_core::settings::Settings;
use verger_core::{CredentialsChange, NewPassword};
use verger_credentials::password::TYPED_BYTES_MAX;
use verger_credentials::{BackupCode, Hasher, InvalidDigest, Password, StoredDigest, TotpSecret};
use verger_http::input::Read;
use verger_http::reasons::{PARAM_MISSING, value_invalid};
use verger_wire::Refused;
use verger_wire::user::{CreateUserParams, UpdateUserParams};

/// What a creation and an update have in common, as it was sent.
pub(super) struct CredentialFields {
    password: Option<String>,
    password_digest: Option<String>,
    password_hasher: Option<String>,
    skip_password_checks: bool,
    totp_secret: Option<String>,
    backup_codes: Vec<String>,
}

/// The same, judged. A password is still to be hashed.
pub(super) struct JudgedCredentials {
    password: Option<Password>,
    skip_password_checks: bool,
    imported: Option<StoredDigest>,
    totp_secret: Option<TotpSecret>,
    backup_codes: Option<Vec<BackupCode>>,
}

impl CredentialFields {
    pub(super) fn of_creation(input: &mut CreateUserParams) -> Self {
        Self {
            password: input.password.take(),
            password_digest: input.password_digest.take(),
            password_hasher: input.password_hasher.take(),
            skip_password_checks: input.skip_password_checks.unwrap_or(false),
            totp_secret: input.totp_secret.take(),
            backup_codes: std::mem::take(&mut input.backup_codes),
        }
    }

    pub(super) fn of_update(input: &mut UpdateUserParams) -> Self {
        Self {
            password: input.password.take(),
            password_digest: input.password_digest.take(),
            password_hasher: input.password_hasher.take(),
            skip_password_checks: input.skip_password_checks.unwrap_or(false),
            totp_secret: input.totp_secret.take(),
            backup_codes: std::mem::take(&mut input.backup_codes),
        }
    }

    /// What it asks for; what is wrong is noted.
    pub(super) fn judge<T>(self, input: &mut Read<T>, settings: &Settings) -> JudgedCredentials {
        let imported = judge_digest(input, &self);
        let password = self.password.as_deref().and_then(|text| {
            let too_long = || Refused::new(&PASSWORD_TOO_MANY_BYTES).with("max", TYPED_BYTES_MAX.to_string());
            let password = input.judge("password", |_| Password::typed(text).ok_or_else(too_long))?;
            if !self.skip_password_checks {
                for refused in judge_password(&password, settings) {
                    input.problem("password", refused);
                }
            } else if text.is_empty() {
                input.problem("password", value_invalid("may not be empty"));
            }
            Some(password)
        });
        let invalid = || Refused::new(&TOTP_SECRET_INVALID);
        let totp_secret = self
            .totp_secret
            .as_deref()
            .and_then(|text| input.judge("totp_secret", |_| TotpSecret::parse(text).map_err(|_| invalid())));
        JudgedCredentials {
            password,
            skip_password_checks: self.skip_password_checks,
            imported,
            totp_secret,
            backup_codes: judge_backup_codes(input, &self.backup_codes),
        }
    }
}

fn judge_digest<T>(input: &mut Read<T>, fields: &CredentialFields) -> Option<StoredDigest> {
    let invalid = |InvalidDigest(why)| Refused::new(&PASSWORD_DIGEST_INVALID).with("why", why);
    match (&fields.password_digest, &fields.password_hasher) {
        (None, None) => None,
        (Some(_), None) => {
            input.problem("password_hasher", &PARAM_MISSING);
            None
        }
        (None, Some(_)) => {
            input.problem("password_digest", &PARAM_MISSING);
            None
        }
        (Some(_), Some(_)) if fields.password.is_some() => {
            input.problem("password_digest", value_invalid("cannot be sent together with password"));
            None
        }
        (Some(digest), Some(hasher)) => {
            let hasher = input.judge("password_hasher", |_| {
                let unknown = || Refused::new(&PASSWORD_DIGEST_INVALID).with("why", must_be_imported());
                Hasher::imported(hasher).ok_or_else(unknown)
            })?;
            input.judge("password_digest", |_| StoredDigest::imported(hasher, digest).map_err(invalid))
        }
    }
}

fn must_be_imported() -> String {
    format!("must be one of {}", Hasher::IMPORTED.map(Hasher::as_str).join(", "))
}

fn judge_backup_codes<T>(input: &mut Read<T>, texts: &[String]) -> Option<Vec<BackupCode>> {
    const NAME: &str = "backup_codes";
    if !input.is_good(NAME) {
        return None;
    }
    let mut codes = Vec::with_capacity(texts.len());
    for (at, text) in texts.iter().enumerate() {
        let name = format!("{NAME}[{at}]");
        match BackupCode::import(text) {
            Ok(code) if codes.contains(&code) => {
                input.problem(&name, value_invalid("must not be the same code as one before it"));
            }
            Ok(code) => codes.push(code),
            Err(InvalidDigest(why)) => input.problem(&name, value_invalid(why)),
        }
    }
    (!codes.is_empty()).then_some(codes)
}

impl JudgedCredentials {
    /// Whether a password is set, or the digest of one.
    pub(super) fn has_password(&self) -> bool {
        self.password.is_some() || self.imported.is_some()
    }

    /// The change that it asks for. Hashing takes a while, on the pool of passwords.
    pub(super) async fn into_change(
        self,
        app: &App,
        settings: &Settings,
    ) -> Result<CredentialsChange, Failure> {
        let password = match (self.password, self.imported) {
            (Some(password), _) => {
                let judged = (!self.skip_password_checks).then(|| password.clone());
                let is_listed_refused = judged.is_some() && settings.password.refuse_common;
                Some(NewPassword { digest: app.hash_password(password, is_listed_refused).await?, judged })
            }
            (None, Some(digest)) => Some(NewPassword { judged: None, digest }),
            (None, None) => None,
        };
        let change =
            CredentialsChange { password, totp_secret: self.totp_secret, backup_codes: self.backup_codes };
        judge_enabled(settings, &change)?;
        Ok(change)
    }
}
