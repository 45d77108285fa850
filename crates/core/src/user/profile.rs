//! Creating a user, and everything about it but its identifications and second factors.

use super::identifications::IdentificationStatus;
use super::{Change, Claims, Consequence, Env, Identifier, IdentifierKind, Refusal, User};
use crate::metadata::Metadata;
use crate::{Credentials, CredentialsChange, GuessedFactor, NewSecrets, Username, metadata};
use verger_wire::{IdentificationId, Patch, UnixMillis};

/// What to create a user from. All values are already good; see each type.
#[derive(Clone, Debug, Default)]
pub struct NewUser {
    /// Numbers and addresses; the first of each kind becomes primary.
    pub identifications: Vec<(Identifier, IdentificationStatus)>,
    /// A user without any identification is allowed.
    pub skip_user_requirement: bool,
    /// Everything that an update can set as well.
    pub profile: ProfileChange,
    /// When the user really signed up; `None`: now.
    pub created_at: Option<UnixMillis>,
    /// The user is banned from the start.
    pub banned: bool,
    /// The user is locked from the start.
    pub locked: bool,
}

/// What to change about a user. `Default` changes nothing.
#[derive(Clone, Debug, Default)]
pub struct ProfileChange {
    /// Judged by [`crate::profile::check_external_id`]; null removes it.
    pub external_id: Patch<String>,
    /// Null removes it, unless it is the last identification.
    pub username: Patch<Username>,
    /// At most [`crate::profile::TEXT_CHARACTERS_MAX`] characters; null removes it.
    pub first_name: Patch<String>,
    /// At most [`crate::profile::TEXT_CHARACTERS_MAX`] characters; null removes it.
    pub last_name: Patch<String>,
    /// Judged by [`crate::profile::check_locale`]; null removes it.
    pub locale: Patch<String>,
    /// A verified or reserved number of the user.
    pub primary_phone_number_id: Option<IdentificationId>,
    /// A verified or reserved address of the user.
    pub primary_email_address_id: Option<IdentificationId>,
    /// Replaces the whole object: nothing is merged.
    pub public_metadata: Option<Metadata>,
    /// Replaces the whole object: nothing is merged.
    pub private_metadata: Option<Metadata>,
    /// Replaces the whole object: nothing is merged.
    pub unsafe_metadata: Option<Metadata>,
    /// The user may delete their own account.
    pub delete_self_enabled: Option<bool>,
    /// The user may create organizations.
    pub create_organization_enabled: Option<bool>,
    /// How many organizations the user may create; null: no limit.
    pub create_organizations_limit: Patch<i64>,
    /// When the user accepted the legal requirements; null removes it.
    pub legal_accepted_at: Patch<UnixMillis>,
    /// Sign-in skips device trust checks.
    pub bypass_client_trust: Option<bool>,
    /// When the user really signed up.
    pub created_at: Option<UnixMillis>,
    /// Password, TOTP secret and backup codes.
    pub credentials: CredentialsChange,
}

/// The objects of a metadata request; `None` leaves one as it is.
#[derive(Clone, Debug, Default)]
pub struct MetadataChange {
    /// For the application's frontend and backend.
    pub public_metadata: Option<Metadata>,
    /// For the application's backend only.
    pub private_metadata: Option<Metadata>,
    /// Writable by the application's frontend.
    pub unsafe_metadata: Option<Metadata>,
}

impl User {
    /// Creates a user at version 1; the first number and the first address become primary.
    ///
    /// # Errors
    /// An identifier is taken or named twice, there are too many or none, or a metadata object is too large.
    pub fn create(new: NewUser, claims: &Claims, env: &mut Env) -> Result<Change, Refusal> {
        let mut user = User {
            id: env.user_id(),
            version: 1,
            external_id: None,
            username: None,
            first_name: None,
            last_name: None,
            locale: None,
            public_metadata: Metadata::new(),
            private_metadata: Metadata::new(),
            unsafe_metadata: Metadata::new(),
            delete_self_enabled: true,
            create_organization_enabled: true,
            create_organizations_limit: None,
            bypass_client_trust: false,
            legal_accepted_at: None,
            banned_at: new.banned.then_some(env.now),
            locked_at: new.locked.then_some(env.now),
            mfa_enabled_at: None,
            mfa_disabled_at: None,
            last_sign_in_at: None,
            last_active_at: None,
            created_at: new.created_at.unwrap_or(env.now),
            updated_at: env.now,
            primary_phone_number_id: None,
            primary_email_address_id: None,
            identifications: Vec::with_capacity(new.identifications.len()),
            credentials: Credentials::default(),
        };
        for (identifier, status) in new.identifications {
            user.push(identifier, status, claims, env)?;
        }
        let secrets = user.apply_profile(new.profile, claims, env)?;
        if !new.skip_user_requirement && user.identifications.is_empty() && user.username.is_none() {
            return Err(Refusal::IdentificationMissing);
        }
        user.mfa_enabled_at = user.two_factor_enabled().then_some(env.now);
        debug_assert_eq!(user.check(), Ok(()));
        Ok(Change { user, consequences: Vec::new(), subject: None, secrets, reopened: Vec::new() })
    }

    /// Changes everything that the request names, or nothing.
    ///
    /// # Errors
    /// The username or external id is taken, a primary is not the user's or not verified, the username was the last
    /// identification, or a metadata object is too large.
    pub fn update(&self, change: ProfileChange, claims: &Claims, env: &mut Env) -> Result<Change, Refusal> {
        let mut named = Vec::new();
        if change.primary_phone_number_id.is_some() {
            named.push(Consequence::PrimaryPhoneNumberMoved);
        }
        if change.primary_email_address_id.is_some() {
            named.push(Consequence::PrimaryEmailAddressMoved);
        }
        let mut next = self.clone();
        let secrets = next.apply_profile(change, claims, env)?;
        if self.username.is_some() && next.username.is_none() && next.identifications.is_empty() {
            return Err(Refusal::LastIdentification);
        }
        Ok(Change { reopened: secrets.factors(), secrets, ..self.settle(next, None, &named, env) })
    }

    /// Merges metadata, objects within objects too; a null removes a key at any level.
    ///
    /// # Errors
    /// The result is too large.
    pub fn merge_metadata(&self, change: &MetadataChange, env: &mut Env) -> Result<Change, Refusal> {
        let mut next = self.clone();
        for (target, merged) in [
            (&mut next.public_metadata, &change.public_metadata),
            (&mut next.private_metadata, &change.private_metadata),
            (&mut next.unsafe_metadata, &change.unsafe_metadata),
        ] {
            if let Some(merged) = merged {
                metadata::merge(target, merged);
            }
        }
        next.check_metadata()?;
        Ok(self.settle(next, None, &[], env))
    }

    /// Replaces the metadata objects that are given.
    ///
    /// # Errors
    /// The name of an object that is too large or too deep.
    pub fn replace_metadata(&self, change: MetadataChange, env: &mut Env) -> Result<Change, Refusal> {
        let change = ProfileChange {
            public_metadata: change.public_metadata,
            private_metadata: change.private_metadata,
            unsafe_metadata: change.unsafe_metadata,
            ..ProfileChange::default()
        };
        self.update(change, &Claims::default(), env)
    }

    /// Bans or unbans. A user who is already so is not changed.
    pub fn set_banned(&self, banned: bool, env: &mut Env) -> Change {
        let mut next = self.clone();
        if banned != self.banned_at.is_some() {
            next.banned_at = banned.then_some(env.now);
            next.void_codes();
        }
        self.settle(next, None, &[], env)
    }

    /// Locks or unlocks. A user who is already so is not changed. Unlocking also ends a lock that guesses caused and the row of
    /// failures, and opens the factors that wrong tries have closed.
    pub fn set_locked(&self, locked: bool, env: &mut Env) -> Change {
        let mut next = self.clone();
        if locked != self.locked_at.is_some() {
            next.locked_at = locked.then_some(env.now);
        }
        if !locked {
            next.credentials.lockout_until = None;
            next.credentials.failed_attempts = 0;
        }
        let reopened = if locked { Vec::new() } else { GuessedFactor::ALL.to_vec() };
        Change { reopened, ..self.settle(next, None, &[], env) }
    }

    /// Voids the codes that are still pending.
    pub(super) fn void_codes(&mut self) {
        for held in &mut self.identifications {
            if held.pending_code.as_ref().is_some_and(|code| code.verified_at.is_none()) {
                held.pending_code = None;
            }
        }
    }

    fn apply_profile(
        &mut self,
        change: ProfileChange,
        claims: &Claims,
        env: &Env,
    ) -> Result<NewSecrets, Refusal> {
        if let Patch::Set(username) = &change.username {
            claims.refuse_taken(IdentifierKind::Username, &username.key())?;
        }
        if let Patch::Set(external_id) = &change.external_id {
            claims.refuse_taken(IdentifierKind::ExternalId, external_id)?;
        }
        change.username.apply_to(&mut self.username);
        change.external_id.apply_to(&mut self.external_id);
        change.first_name.apply_to(&mut self.first_name);
        change.last_name.apply_to(&mut self.last_name);
        change.locale.apply_to(&mut self.locale);
        change.create_organizations_limit.apply_to(&mut self.create_organizations_limit);
        change.legal_accepted_at.apply_to(&mut self.legal_accepted_at);
        replace(&mut self.delete_self_enabled, change.delete_self_enabled);
        replace(&mut self.create_organization_enabled, change.create_organization_enabled);
        replace(&mut self.bypass_client_trust, change.bypass_client_trust);
        replace(&mut self.created_at, change.created_at);
        replace(&mut self.public_metadata, change.public_metadata);
        replace(&mut self.private_metadata, change.private_metadata);
        replace(&mut self.unsafe_metadata, change.unsafe_metadata);
        self.check_metadata()?;
        self.name_primary(
            IdentifierKind::PhoneNumber,
            change.primary_phone_number_id,
            "primary_phone_number_id",
        )?;
        self.name_primary(
            IdentifierKind::EmailAddress,
            change.primary_email_address_id,
            "primary_email_address_id",
        )?;
        self.judge_credentials(&change.credentials)?;
        self.credentials.apply(&change.credentials, env.now);
        Ok(change.credentials.into())
    }

    fn name_primary(
        &mut self,
        kind: IdentifierKind,
        id: Option<IdentificationId>,
        param: &'static str,
    ) -> Result<(), Refusal> {
        let Some(id) = id else { return Ok(()) };
        let at = self
            .identifications
            .iter()
            .position(|held| held.id == id && held.identifier.kind() == kind)
            .ok_or(Refusal::NotTheUsers { param })?;
        self.set_primary(at, param)
    }

    fn check_metadata(&self) -> Result<(), Refusal> {
        for (param, object) in [
            ("public_metadata", &self.public_metadata),
            ("private_metadata", &self.private_metadata),
            ("unsafe_metadata", &self.unsafe_metadata),
        ] {
            metadata::check(object).map_err(|why| Refusal::Malformed { param, why })?;
        }
        Ok(())
    }
}

fn replace<T>(target: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *target = value;
    }
}
