//! Second factors: which there are, and which number is the default.

use super::{
    Change, Consequence, Env, Identification, Identifier, Refusal, SecondFactor, User, Verification,
};

impl User {
    /// Takes every second factor away: numbers are none any more, the TOTP secret and the backup codes go. Without one, nothing
    /// changes.
    pub fn disable_mfa(&self, env: &mut Env) -> Change {
        let mut next = self.clone();
        for identification in &mut next.identifications {
            identification.second_factor = SecondFactor::No;
        }
        next.credentials.totp_since = None;
        next.credentials.backup_codes_left = 0;
        self.settle(next, None, &[Consequence::MfaDisabled, Consequence::BackupCodesRemoved], env)
    }

    /// While a second factor exists, exactly one is the default: the one that was, else the oldest.
    pub(super) fn settle_default_second_factor(&mut self) {
        if self.default_second_factor().is_some() {
            return;
        }
        let oldest = self
            .identifications
            .iter_mut()
            .filter(|identification| identification.second_factor == SecondFactor::Reserved)
            .min_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        if let Some(oldest) = oldest {
            oldest.second_factor = SecondFactor::Default;
        }
    }

    /// Makes the number at `at` a second factor, or no longer one.
    pub(super) fn set_second_factor(
        &mut self,
        at: usize,
        reserved: bool,
        on_create: bool,
    ) -> Result<(), Refusal> {
        let identification = &self.identifications[at];
        let is_reserved = identification.second_factor != SecondFactor::No;
        let is_phone = matches!(identification.identifier, Identifier::Phone(_));
        if reserved && !(is_phone && identification.verification.is_verified()) {
            return Err(Refusal::SecondFactorUnverified { on_create });
        }
        if reserved && !is_reserved && self.sign_in_identifications() <= 1 {
            return Err(Refusal::OnlySignInIdentification);
        }
        if reserved != is_reserved {
            self.identifications[at].second_factor =
                if reserved { SecondFactor::Reserved } else { SecondFactor::No };
        }
        Ok(())
    }
}

impl Identification {
    /// Takes the proof back: with it go the claim and the role as a second factor.
    pub(super) fn unverify(&mut self) {
        self.verification = Verification::Unverified;
        self.pending_code = None;
        self.second_factor = SecondFactor::No;
    }
}
