//! The rules that hold whatever was called, in any order (contract section 4).

use super::{IDENTIFICATIONS_MAX, Identifier, IdentifierKind, SecondFactor, User};

/// A rule that a user breaks. Seen only if stored data was damaged or a command has a bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrokenRule {
    /// Rule 1: the primary phone number is one of the user's own numbers.
    PrimaryPhoneNumber,
    /// The same for email addresses.
    PrimaryEmailAddress,
    /// Rule 2: a second factor is a verified phone number.
    SecondFactorUnverified,
    /// Rule 2: exactly one default while any second factor exists.
    DefaultSecondFactor,
    /// Rule 4: no number or address twice.
    Duplicate,
    /// Two identifications have the same id.
    DuplicateId,
    /// More identifications than a user can have.
    TooMany,
    /// The version is below 1, with which every user begins.
    Version,
    /// More backup codes than there can be, or a count below zero.
    Credentials,
}

impl User {
    /// Looks at every rule that one user can break by itself. Runs after every load and after every command.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn check(&self) -> Result<(), BrokenRule> {
        if self.version < 1 {
            return Err(BrokenRule::Version);
        }
        if self.credentials.is_broken() {
            return Err(BrokenRule::Credentials);
        }
        for (kind, broken) in [
            (IdentifierKind::PhoneNumber, BrokenRule::PrimaryPhoneNumber),
            (IdentifierKind::EmailAddress, BrokenRule::PrimaryEmailAddress),
        ] {
            if let Some(primary) = self.primary(kind)
                && !self.of_kind(kind).any(|identification| identification.id == *primary)
            {
                return Err(broken);
            }
            if self.of_kind(kind).count() > IDENTIFICATIONS_MAX {
                return Err(BrokenRule::TooMany);
            }
        }
        let mut second_factors = 0;
        let mut defaults = 0;
        for identification in &self.identifications {
            if identification.second_factor == SecondFactor::No {
                continue;
            }
            let is_phone = matches!(identification.identifier, Identifier::Phone(_));
            if !is_phone || !identification.verification.is_verified() {
                return Err(BrokenRule::SecondFactorUnverified);
            }
            second_factors += 1;
            defaults += usize::from(identification.second_factor == SecondFactor::Default);
        }
        if defaults != usize::from(second_factors > 0) {
            return Err(BrokenRule::DefaultSecondFactor);
        }
        for (at, identification) in self.identifications.iter().enumerate() {
            for other in &self.identifications[at + 1..] {
                if identification.id == other.id {
                    return Err(BrokenRule::DuplicateId);
                }
                if identification.identifier.kind() == other.identifier.kind()
                    && identification.identifier.as_str() == other.identifier.as_str()
                {
                    return Err(BrokenRule::Duplicate);
                }
            }
        }
        Ok(())
    }
}
