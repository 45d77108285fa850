//! Adding, updating, replacing and removing phone numbers and email addresses (contract sections 2 to 4).

use super::{
    Change, Claims, Consequence, Env, IDENTIFICATIONS_MAX, Identification, Identifier, IdentifierKind,
    Refusal, SecondFactor, User, Verification,
};
use verger_wire::IdentificationId;

/// A number or an address to add to a user.
#[derive(Clone, Debug)]
pub struct NewIdentification {
    /// The number or address, judged when it was parsed.
    pub identifier: Identifier,
    /// Verified by the caller's word.
    pub verified: bool,
    /// Make it primary. The first of its kind always is.
    pub primary: bool,
    /// Make it a second factor; for phone numbers only.
    pub reserved_for_second_factor: bool,
}

/// What to change on an identification; `None` leaves a field as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IdentificationUpdate {
    /// Verify by the caller's word, or take the verification back.
    pub verified: Option<bool>,
    /// Make it a second factor, or no longer one; for phone numbers only.
    pub reserved_for_second_factor: Option<bool>,
    /// Make it primary; `false` changes nothing.
    pub primary: Option<bool>,
}

/// The verification that an identification is created with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IdentificationStatus {
    /// Verified by the caller's word.
    #[default]
    Verified,
    /// Unverified, yet claimed.
    Reserved,
    /// Unverified and not claimed.
    Unverified,
}

impl IdentificationStatus {
    fn verification(self, env: &Env) -> Verification {
        match self {
            Self::Verified => Verification::VerifiedByAdmin { at: env.now },
            Self::Reserved => Verification::Reserved,
            Self::Unverified => Verification::Unverified,
        }
    }
}

impl User {
    /// Adds a number or an address.
    ///
    /// # Errors
    /// Taken, one too many, primary or second factor while unverified, or the only way to sign in as a second factor.
    pub fn add_identification(
        &self,
        new: NewIdentification,
        claims: &Claims,
        env: &mut Env,
    ) -> Result<Change, Refusal> {
        let mut next = self.clone();
        let status =
            if new.verified { IdentificationStatus::Verified } else { IdentificationStatus::Unverified };
        let at = next.push(new.identifier, status, claims, env)?;
        if new.reserved_for_second_factor {
            next.set_second_factor(at, true, true)?;
        }
        let kind = next.identifications[at].identifier.kind();
        let id = next.identifications[at].id.clone();
        if new.primary && next.primary(kind) != Some(&id) {
            next.set_primary(at, "primary")?;
        }
        Ok(self.settle(next, Some(id), primary_moved(kind), env))
    }

    /// Changes a number or an address: `verified`, then the second factor, then `primary`, all or none.
    ///
    /// # Errors
    /// Not the user's, taken by another, second factor or primary while unverified, or the only way to sign in as a
    /// second factor (contract section 3).
    pub fn update_identification(
        &self,
        id: &IdentificationId,
        update: IdentificationUpdate,
        claims: &Claims,
        env: &mut Env,
    ) -> Result<Change, Refusal> {
        let mut next = self.clone();
        let at = next.position(id)?;
        if let Some(verified) = update.verified {
            next.set_verified(at, verified, claims, env)?;
        }
        if let Some(reserved) = update.reserved_for_second_factor {
            next.set_second_factor(at, reserved, false)?;
        }
        if update.primary == Some(true) {
            next.set_primary(at, "primary")?;
        }
        let kind = next.identifications[at].identifier.kind();
        let named = if update.primary == Some(true) { primary_moved(kind) } else { &[] };
        Ok(self.settle(next, Some(id.clone()), named, env))
    }

    /// Removes a number or an address. Another becomes primary or default second factor in its place. Codes that are on
    /// their way to the user's other numbers and addresses end: somebody else may have asked for them.
    ///
    /// # Errors
    /// Not the user's, or the user's last identification of any kind.
    pub fn remove_identification(&self, id: &IdentificationId, env: &mut Env) -> Result<Change, Refusal> {
        let mut next = self.clone();
        let at = next.position(id)?;
        if self.identifications.len() + usize::from(self.username.is_some()) <= 1 {
            return Err(Refusal::LastIdentification);
        }
        let removed = next.identifications.remove(at);
        next.promote_primary(removed.identifier.kind());
        next.void_codes();
        Ok(self.settle(next, Some(id.clone()), &[], env))
    }

    /// Removes all identifications of the new one's kind and makes the new one primary, never a second factor. Codes
    /// that are on their way to the user's other addresses or numbers end, as in a removal.
    ///
    /// # Errors
    /// Claimed by another user.
    pub fn replace_identification(
        &self,
        identifier: Identifier,
        status: IdentificationStatus,
        claims: &Claims,
        env: &mut Env,
    ) -> Result<Change, Refusal> {
        let kind = identifier.kind();
        let mut next = self.clone();
        next.identifications.retain(|identification| identification.identifier.kind() != kind);
        if let Some(primary) = next.primary_mut(kind) {
            *primary = None;
        }
        next.void_codes();
        let at = next.push(identifier, status, claims, env)?;
        let id = next.identifications[at].id.clone();
        Ok(self.settle(next, Some(id), primary_moved(kind), env))
    }

    /// Adds an identification and gives its place; the first of its kind becomes primary.
    pub(super) fn push(
        &mut self,
        identifier: Identifier,
        status: IdentificationStatus,
        claims: &Claims,
        env: &mut Env,
    ) -> Result<usize, Refusal> {
        let kind = identifier.kind();
        if self.of_kind(kind).any(|held| held.identifier.as_str() == identifier.as_str()) {
            return Err(Refusal::Taken(kind));
        }
        claims.refuse_taken(kind, identifier.as_str())?;
        let held = self.of_kind(kind).count();
        if held >= IDENTIFICATIONS_MAX {
            return Err(Refusal::TooMany(kind));
        }
        let id = env.identification_id();
        if held == 0
            && let Some(primary) = self.primary_mut(kind)
        {
            *primary = Some(id.clone());
        }
        self.identifications.push(Identification {
            id,
            identifier,
            verification: status.verification(env),
            pending_code: None,
            second_factor: SecondFactor::No,
            created_at: env.now,
            updated_at: env.now,
        });
        Ok(self.identifications.len() - 1)
    }

    fn position(&self, id: &IdentificationId) -> Result<usize, Refusal> {
        self.identifications.iter().position(|held| held.id == *id).ok_or(Refusal::NotFound)
    }

    fn set_verified(&mut self, at: usize, verified: bool, claims: &Claims, env: &Env) -> Result<(), Refusal> {
        let identification = &mut self.identifications[at];
        match (verified, identification.verification.is_verified()) {
            (true, false) => {
                claims.refuse_taken(identification.identifier.kind(), identification.identifier.as_str())?;
                identification.verification = Verification::VerifiedByAdmin { at: env.now };
                // A code that is still pending has nothing left to prove.
                identification.pending_code = None;
            }
            (false, true) => identification.unverify(),
            (true, true) | (false, false) => {}
        }
        Ok(())
    }
}

/// The move of the primary, as something that a request named.
fn primary_moved(kind: IdentifierKind) -> &'static [Consequence] {
    match kind {
        IdentifierKind::PhoneNumber => &[Consequence::PrimaryPhoneNumberMoved],
        IdentifierKind::EmailAddress => &[Consequence::PrimaryEmailAddressMoved],
        IdentifierKind::Username | IdentifierKind::ExternalId => &[],
    }
}
