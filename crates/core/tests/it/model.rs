//! A second, naive reading of the contract: sections 3 and 4 in the words and flags of the wire, written from the
//! text alone, to be compared with the real thing.

use verger_core::user::IdentificationUpdate;
use verger_core::{IdentifierKind, Refusal, SecondFactor, User, Verification};

/// A user as the contract speaks of one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Model {
    /// Numbers and addresses, oldest first.
    pub(crate) held: Vec<Held>,
    pub(crate) primary_phone_number_id: Option<String>,
    pub(crate) primary_email_address_id: Option<String>,
    pub(crate) has_username: bool,
    pub(crate) mfa_enabled_at: Option<i64>,
    pub(crate) mfa_disabled_at: Option<i64>,
}

/// A phone number or an email address.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Held {
    pub(crate) id: String,
    pub(crate) is_phone: bool,
    pub(crate) text: String,
    pub(crate) verified: bool,
    pub(crate) reserved: bool,
    pub(crate) reserved_for_second_factor: bool,
    pub(crate) default_second_factor: bool,
}

/// What a POST or PUT says about its new identification.
pub(crate) struct New<'a> {
    pub(crate) is_phone: bool,
    pub(crate) text: &'a str,
    pub(crate) verified: bool,
    pub(crate) reserved: bool,
    pub(crate) reserved_for_second_factor: bool,
    pub(crate) primary: bool,
}

/// The error code that the contract names.
pub(crate) type Code = &'static str;

impl Model {
    /// The real user, in the words of the model.
    pub(crate) fn of(user: &User) -> Self {
        let mut oldest_first: Vec<_> = user.identifications.iter().collect();
        oldest_first.sort_by_key(|held| (held.created_at, held.id.clone()));
        let held = oldest_first.into_iter().map(|held| Held {
            id: held.id.to_string(),
            is_phone: held.identifier.kind() == IdentifierKind::PhoneNumber,
            text: held.identifier.as_str().to_owned(),
            verified: matches!(
                held.verification,
                Verification::VerifiedByAdmin { .. } | Verification::VerifiedByCode { .. }
            ),
            reserved: held.verification == Verification::Reserved,
            reserved_for_second_factor: held.second_factor != SecondFactor::No,
            default_second_factor: held.second_factor == SecondFactor::Default,
        });
        Self {
            held: held.collect(),
            primary_phone_number_id: user.primary_phone_number_id.as_ref().map(ToString::to_string),
            primary_email_address_id: user.primary_email_address_id.as_ref().map(ToString::to_string),
            has_username: user.username.is_some(),
            mfa_enabled_at: user.mfa_enabled_at.map(|at| at.0),
            mfa_disabled_at: user.mfa_disabled_at.map(|at| at.0),
        }
    }

    /// PATCH: the table of section 3, row by row.
    pub(crate) fn patch(
        &self,
        id: &str,
        body: IdentificationUpdate,
        claimed_by_another: bool,
        now: i64,
    ) -> Result<Self, Code> {
        let mut user = self.clone();
        let at = self.find(id)?;

        if body.verified == Some(true) && !user.held[at].verified {
            if claimed_by_another {
                return Err("form_identifier_exists");
            }
            user.held[at].verified = true;
            user.held[at].reserved = false;
        }
        if body.verified == Some(false) && user.held[at].verified {
            user.held[at].verified = false;
            user.drop_second_factor(at);
        }

        if body.reserved_for_second_factor == Some(true) && !user.held[at].reserved_for_second_factor {
            user.add_second_factor(at, "identification_update_second_factor_unverified")?;
        }
        if body.reserved_for_second_factor == Some(false) {
            user.drop_second_factor(at);
        }

        if body.primary == Some(true) {
            if !user.held[at].verified && !user.held[at].reserved {
                return Err("form_verification_needed");
            }
            user.make_primary(at);
        }
        Ok(user.with_mfa_times(self, now))
    }

    /// POST of a number or an address.
    pub(crate) fn post(
        &self,
        new: &New<'_>,
        id: &str,
        claimed_by_another: bool,
        now: i64,
    ) -> Result<Self, Code> {
        let mut user = self.clone();
        let at = user.push(new, id, claimed_by_another)?;
        if new.reserved_for_second_factor {
            user.add_second_factor(at, "identification_create_second_factor_unverified")?;
        }
        let is_primary = user.primary(new.is_phone).as_deref() == Some(id);
        if new.primary && !is_primary {
            if !new.verified {
                return Err("form_verification_needed");
            }
            user.make_primary(at);
        }
        Ok(user.with_mfa_times(self, now))
    }

    /// DELETE of a number or an address.
    pub(crate) fn delete(&self, id: &str, now: i64) -> Result<Self, Code> {
        let mut user = self.clone();
        let at = self.find(id)?;
        if user.held.len() == 1 && !user.has_username {
            return Err("identification_deletion_failed");
        }
        user.drop_second_factor(at);
        let gone = user.held.remove(at);
        if user.primary(gone.is_phone).as_ref() == Some(&gone.id) {
            let oldest_verified =
                user.held.iter().position(|held| held.is_phone == gone.is_phone && held.verified);
            *user.primary(gone.is_phone) = oldest_verified.map(|at| user.held[at].id.clone());
        }
        Ok(user.with_mfa_times(self, now))
    }

    /// PUT of the only number or address.
    pub(crate) fn put(
        &self,
        new: &New<'_>,
        id: &str,
        claimed_by_another: bool,
        now: i64,
    ) -> Result<Self, Code> {
        let mut user = self.clone();
        user.held.retain(|held| held.is_phone != new.is_phone);
        *user.primary(new.is_phone) = None;
        user.push(new, id, claimed_by_another)?;
        Ok(user.with_mfa_times(self, now))
    }

    /// DELETE of the second factors.
    pub(crate) fn delete_mfa(&self, now: i64) -> Self {
        let mut user = self.clone();
        for held in &mut user.held {
            held.reserved_for_second_factor = false;
            held.default_second_factor = false;
        }
        user.with_mfa_times(self, now)
    }

    pub(crate) fn two_factor_enabled(&self) -> bool {
        self.held.iter().any(|held| held.reserved_for_second_factor)
    }

    fn find(&self, id: &str) -> Result<usize, Code> {
        self.held.iter().position(|held| held.id == id).ok_or("resource_not_found")
    }

    fn primary(&mut self, is_phone: bool) -> &mut Option<String> {
        if is_phone { &mut self.primary_phone_number_id } else { &mut self.primary_email_address_id }
    }

    fn make_primary(&mut self, at: usize) {
        let Held { id, is_phone, .. } = self.held[at].clone();
        *self.primary(is_phone) = Some(id);
    }

    fn push(&mut self, new: &New<'_>, id: &str, claimed_by_another: bool) -> Result<usize, Code> {
        let mut of_its_kind = self.held.iter().filter(|held| held.is_phone == new.is_phone).peekable();
        let is_first = of_its_kind.peek().is_none();
        if claimed_by_another || of_its_kind.any(|held| held.text == new.text) {
            return Err("form_identifier_exists");
        }
        self.held.push(Held {
            id: id.to_owned(),
            is_phone: new.is_phone,
            text: new.text.to_owned(),
            verified: new.verified,
            reserved: new.reserved,
            reserved_for_second_factor: false,
            default_second_factor: false,
        });
        if is_first {
            *self.primary(new.is_phone) = Some(id.to_owned());
        }
        Ok(self.held.len() - 1)
    }

    fn add_second_factor(&mut self, at: usize, unverified: Code) -> Result<(), Code> {
        if !self.held[at].verified {
            return Err(unverified);
        }
        let others_usable_for_sign_in =
            self.held.iter().enumerate().any(|(other, held)| other != at && (held.verified || held.reserved));
        if !others_usable_for_sign_in && !self.has_username {
            return Err("identification_update_failed");
        }
        self.held[at].default_second_factor = !self.two_factor_enabled();
        self.held[at].reserved_for_second_factor = true;
        Ok(())
    }

    fn drop_second_factor(&mut self, at: usize) {
        let was_default = self.held[at].default_second_factor;
        self.held[at].reserved_for_second_factor = false;
        self.held[at].default_second_factor = false;
        if was_default {
            // Oldest first: the first is the oldest.
            if let Some(oldest) = self.held.iter_mut().find(|held| held.reserved_for_second_factor) {
                oldest.default_second_factor = true;
            }
        }
    }

    fn with_mfa_times(mut self, before: &Self, now: i64) -> Self {
        if !before.two_factor_enabled() && self.two_factor_enabled() {
            self.mfa_enabled_at = Some(now);
        }
        if before.two_factor_enabled() && !self.two_factor_enabled() {
            self.mfa_disabled_at = Some(now);
        }
        self
    }
}

/// The code that the contract gives to a refusal.
pub(crate) fn code(refusal: Refusal) -> Code {
    match refusal {
        Refusal::Taken(_) => "form_identifier_exists",
        Refusal::NotFound => "resource_not_found",
        Refusal::NotTheUsers { .. } => "form_resource_not_found",
        Refusal::NeedsVerification { .. } => "form_verification_needed",
        Refusal::SecondFactorUnverified { on_create: true } => {
            "identification_create_second_factor_unverified"
        }
        Refusal::SecondFactorUnverified { on_create: false } => {
            "identification_update_second_factor_unverified"
        }
        Refusal::OnlySignInIdentification => "identification_update_failed",
        Refusal::LastIdentification => "identification_deletion_failed",
        Refusal::IdentificationMissing => "form_data_missing",
        Refusal::CodeJustSent { .. } => "verification_code_too_many_requests",
        Refusal::VerificationClosed { .. } | Refusal::FactorClosed { .. } => "too_many_requests",
        Refusal::AlreadyVerified => "verification_already_verified",
        Refusal::Banned => "user_banned",
        Refusal::Locked | Refusal::LockedOut { .. } => "user_locked",
        Refusal::NoPassword => "no_password_set",
        Refusal::TotpDisabled => "totp_disabled",
        Refusal::TotpLength => "totp_invalid_length",
        Refusal::PasswordMatchesIdentifier => "form_password_matches_identifier",
        Refusal::PasswordMissing => "form_data_missing",
        Refusal::PasswordIsOnlyWay => "form_param_value_invalid",
        Refusal::PasswordDisabled => "password_disabled",
        Refusal::CredentialDisabled { .. } => "feature_not_enabled",
        Refusal::TooMany(_) | Refusal::Malformed { .. } => "form_param_value_invalid",
    }
}
