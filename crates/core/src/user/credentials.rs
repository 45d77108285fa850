//! The commands about passwords, TOTP and backup codes.

use super::{Change, Consequence, Env, Refusal, User};
use crate::credentials::{CredentialsChange, PasswordState};
use verger_credentials::PasswordFault;

impl User {
    /// Takes the password away. Without one, nothing changes.
    pub fn remove_password(&self, env: &mut Env) -> Change {
        let mut next = self.clone();
        next.credentials.password = None;
        self.settle(next, None, &[], env)
    }

    /// Says that others know the password, or that they don't. A password that is already so is not changed.
    ///
    /// # Errors
    /// The user has no password.
    pub fn set_password_compromised(&self, compromised: bool, env: &mut Env) -> Result<Change, Refusal> {
        let password = self.credentials.password.ok_or(Refusal::NoPassword)?;
        let mut next = self.clone();
        if compromised != password.compromised_at.is_some() {
            let compromised_at = compromised.then_some(env.now);
            next.credentials.password = Some(PasswordState { compromised_at, ..password });
        }
        Ok(self.settle(next, None, &[], env))
    }

    /// Takes the TOTP secret away. Without one, nothing changes.
    pub fn remove_totp(&self, env: &mut Env) -> Change {
        let mut next = self.clone();
        next.credentials.totp_since = None;
        self.settle(next, None, &[], env)
    }

    /// Takes all backup codes away. Without one, nothing changes.
    pub fn remove_backup_codes(&self, env: &mut Env) -> Change {
        let mut next = self.clone();
        next.credentials.backup_codes_left = 0;
        self.settle(next, None, &[Consequence::BackupCodesRemoved], env)
    }

    /// One backup code less. While others are left, that is no change of the user.
    pub fn use_backup_code(&self, env: &Env) -> Change {
        let mut next = self.clone();
        if next.credentials.backup_codes_left <= 1 {
            next.credentials.backup_codes_left = 0;
        }
        self.settle(next, None, &[], env)
    }

    /// Whether the user has a password.
    pub fn password_enabled(&self) -> bool {
        self.credentials.password.is_some()
    }

    /// Whether the user has a TOTP secret.
    pub fn totp_enabled(&self) -> bool {
        self.credentials.totp_since.is_some()
    }

    /// Whether a backup code of the user can still be used.
    pub fn backup_code_enabled(&self) -> bool {
        self.credentials.backup_codes_left > 0
    }

    /// Refuses a new password that is one of the identifiers, as they are after the change.
    pub(super) fn judge_credentials(&self, change: &CredentialsChange) -> Result<(), Refusal> {
        let Some(password) = change.password.as_ref().and_then(|password| password.judged.as_ref()) else {
            return Ok(());
        };
        let held = self.identifications.iter().map(|held| held.identifier.as_str());
        let identifiers = held.chain(self.username.as_ref().map(|username| username.as_str()));
        if password.judge(&Default::default(), identifiers).contains(&PasswordFault::MatchesIdentifier) {
            return Err(Refusal::PasswordMatchesIdentifier);
        }
        Ok(())
    }

    /// Backup codes stand in for a second factor: without one they go.
    pub(super) fn settle_backup_codes(&mut self, before: &User) {
        if before.two_factor_enabled() && !self.two_factor_enabled() {
            self.credentials.backup_codes_left = 0;
        }
    }
}
