//! Users as they are written: the difference of two.

use crate::aggregate::{Aggregate, Statements};
use crate::db::{Query, Row, Stmt, Value};
use crate::list::fold;
use crate::users::rows::users_from;
use crate::{AggregateKind, Change, Conflict, Scoped, StoreError};
use verger_core::user::BrokenRule;
use verger_core::{Identification, Identifier, PendingCode, SecondFactor, User, Username, Verification};
use verger_wire::{IdentificationId, UnixMillis, UserId};

impl Aggregate for User {
    const KIND: AggregateKind = AggregateKind::User;
    const TABLE: &'static str = "users";
    type Broken = BrokenRule;

    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn load(scoped: &Scoped<'_>, id: &str) -> Vec<Query> {
        vec![scoped.user_query(&id.into())]
    }

    fn read(answers: Vec<Vec<Row>>) -> Result<Option<Self>, StoreError> {
        Ok(users_from(answers.into_iter().flatten().collect())?.pop())
    }

    fn check(&self) -> Result<(), BrokenRule> {
        self.check()
    }

    fn save(scoped: &Scoped<'_>, change: &Change<Self>, at: UnixMillis, statements: &mut Statements) {
        match (&change.before, &change.after) {
            (None, None) => return,
            (None, Some(after)) => statements.lock(after.key(), scoped.insert_user(after)),
            (Some(before), None) => {
                statements.lock(before.key(), scoped.delete_user(before));
                scoped.forget_signed_in(&before.id, statements);
            }
            (Some(before), Some(after)) => statements.lock(after.key(), scoped.update_user(before, after)),
        }
        scoped.write_identifications(change, statements);
        scoped.write_claims(change, statements);
        scoped.write_credentials(change, at, statements);
    }
}

impl Scoped<'_> {
    fn write_identifications(&self, user: &Change<User>, statements: &mut Statements) {
        let none: &[Identification] = &[];
        let before = user.before.as_ref().map_or(none, |user| &user.identifications);
        let after = user.after.as_ref().map_or(none, |user| &user.identifications);
        for gone in before.iter().filter(|held| after.iter().all(|other| other.id != held.id)) {
            statements.push(
                Stmt::new(
                    "DELETE FROM identifications WHERE instance_id = $1 AND id = $2",
                    vec![self.instance.as_str().into(), gone.id.as_str().into()],
                )
                .expect(1, Conflict::Stale),
            );
            if gone.pending_code.is_some() {
                statements.push(Stmt::new(
                    "DELETE FROM verifications WHERE instance_id = $1 AND identification_id = $2 AND id = $3",
                    vec![
                        self.instance.as_str().into(),
                        gone.id.as_str().into(),
                        gone.pending_code.as_ref().map(|code| code.id.as_str()).into(),
                    ],
                ));
            }
        }
        let Some(owner) = &user.after else { return };
        for held in after {
            let previous = before.iter().find(|other| other.id == held.id);
            self.write_code(held, previous.and_then(|previous| previous.pending_code.as_ref()), statements);
            match before.iter().find(|other| other.id == held.id) {
                None => statements.push(self.insert_identification(&owner.id, held)),
                Some(previous) if previous != held => statements.push(self.update_identification(held)),
                Some(_) => {}
            }
        }
    }

    /// The newest code of an identification. One that was replaced or voided stays as it was.
    fn write_code(&self, held: &Identification, before: Option<&PendingCode>, statements: &mut Statements) {
        let Some(code) = &held.pending_code else { return };
        match before {
            Some(before) if before == code => {}
            Some(before) if before.id == code.id => statements.push(
                // It is accepted once, and each try counts once.
                Stmt::new(
                    "UPDATE verifications SET attempts = $3, verified_at = $4, expire_at = $6
                     WHERE instance_id = $1 AND id = $2 AND attempts = $5 AND verified_at IS NULL",
                    vec![
                        self.instance.as_str().into(),
                        code.id.as_str().into(),
                        code.attempts.into(),
                        code.verified_at.into(),
                        before.attempts.into(),
                        code.expire_at.into(),
                    ],
                )
                .expect(1, Conflict::Stale),
            ),
            _ => statements.push(Stmt::new(
                "INSERT INTO verifications (instance_id, id, identification_id, key_id, digest, attempts, verified_at,
                    created_at, expire_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                vec![
                    self.instance.as_str().into(),
                    code.id.as_str().into(),
                    held.id.as_str().into(),
                    code.code.key_id.as_str().into(),
                    code.code.digest.as_str().into(),
                    code.attempts.into(),
                    code.verified_at.into(),
                    code.created_at.into(),
                    code.expire_at.into(),
                ],
            )),
        }
    }

    fn write_claims(&self, user: &Change<User>, statements: &mut Statements) {
        let before = user.before.as_ref().map(User::claimed).unwrap_or_default();
        let after = user.after.as_ref().map(User::claimed).unwrap_or_default();
        // Releases come first: a number may move from one identification of the user to another.
        for (kind, text, _) in before.iter().filter(|claim| !after.contains(claim)) {
            statements.push(
                Stmt::new(
                    "DELETE FROM claims WHERE instance_id = $1 AND kind = $2 AND identifier = $3",
                    vec![self.instance.as_str().into(), kind.as_str().into(), text.as_str().into()],
                )
                .expect(1, Conflict::Stale),
            );
        }
        let Some(owner) = &user.after else { return };
        for (kind, text, identification) in after.iter().filter(|claim| !before.contains(claim)) {
            statements.push(
                Stmt::new(
                    "INSERT INTO claims (instance_id, kind, identifier, user_id, identification_id)
                     VALUES ($1, $2, $3, $4, $5)",
                    vec![
                        self.instance.as_str().into(),
                        kind.as_str().into(),
                        text.as_str().into(),
                        owner.id.as_str().into(),
                        identification.map_or("", IdentificationId::as_str).into(),
                    ],
                )
                .on_unique(Conflict::Taken(*kind)),
            );
        }
    }

    fn insert_user(&self, user: &User) -> Stmt {
        let mut params = vec![self.instance.as_str().into(), user.id.as_str().into()];
        params.extend(user_values(user));
        Stmt::new(
            "INSERT INTO users (instance_id, id, version, external_id, username, username_folded, first_name, last_name,
                name_folded, locale, public_metadata, private_metadata, unsafe_metadata, delete_self_enabled,
                create_organization_enabled, create_organizations_limit, bypass_client_trust, legal_accepted_at,
                banned_at, locked_at, mfa_enabled_at, mfa_disabled_at, created_at, updated_at,
                primary_phone_number_id, primary_email_address_id)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
                $23, $24, $25, $26)",
            params,
        )
        .on_unique(Conflict::Stale)
    }

    fn update_user(&self, before: &User, after: &User) -> Stmt {
        let key = [self.instance.as_str().into(), after.id.as_str().into(), before.version.into()];
        // A change to an identification touches few columns of its user, and none that has an index.
        if is_same_profile(before, after) {
            let mut params = Vec::from(key);
            params.extend(state_values(after));
            return Stmt::new(
                "UPDATE users SET version = $4, mfa_enabled_at = $5, mfa_disabled_at = $6, updated_at = $7,
                    primary_phone_number_id = $8, primary_email_address_id = $9
                 WHERE instance_id = $1 AND id = $2 AND version = $3",
                params,
            )
            .expect(1, Conflict::Stale);
        }
        let mut params = Vec::from(key);
        params.extend(user_values(after));
        Stmt::new(
            "UPDATE users SET version = $4, external_id = $5, username = $6, username_folded = $7, first_name = $8,
                last_name = $9, name_folded = $10, locale = $11, public_metadata = $12, private_metadata = $13,
                unsafe_metadata = $14, delete_self_enabled = $15, create_organization_enabled = $16,
                create_organizations_limit = $17, bypass_client_trust = $18, legal_accepted_at = $19, banned_at = $20,
                locked_at = $21, mfa_enabled_at = $22, mfa_disabled_at = $23, created_at = $24, updated_at = $25,
                primary_phone_number_id = $26, primary_email_address_id = $27
             WHERE instance_id = $1 AND id = $2 AND version = $3",
            params,
        )
        .expect(1, Conflict::Stale)
    }

    fn delete_user(&self, user: &User) -> Stmt {
        Stmt::new(
            "DELETE FROM users WHERE instance_id = $1 AND id = $2 AND version = $3",
            vec![self.instance.as_str().into(), user.id.as_str().into(), user.version.into()],
        )
        .expect(1, Conflict::Stale)
    }

    fn insert_identification(&self, user: &UserId, held: &Identification) -> Stmt {
        let (typed, region, line_type, metadata_version) = match &held.identifier {
            Identifier::Phone(number) => {
                (number.typed(), number.region(), number.line_type(), Some(number.metadata_version()))
            }
            Identifier::Email(address) => (address.typed(), None, None, None),
        };
        let verification = VerificationColumns::of(held.verification);
        Stmt::new(
            "INSERT INTO identifications (instance_id, id, user_id, kind, identifier, typed, region, line_type,
                metadata_version, standing, verified_at, second_factor, created_at, updated_at, verification_id,
                code_attempts, code_expire_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
            vec![
                self.instance.as_str().into(),
                held.id.as_str().into(),
                user.as_str().into(),
                held.identifier.kind().as_str().into(),
                held.identifier.as_str().into(),
                typed.into(),
                region.into(),
                line_type.into(),
                metadata_version.into(),
                verification.name.into(),
                verification.verified_at.into(),
                second_factor_column(held.second_factor).into(),
                held.created_at.into(),
                held.updated_at.into(),
                held.pending_code.as_ref().map(|code| code.id.as_str()).into(),
                verification.code_attempts.into(),
                verification.code_expire_at.into(),
            ],
        )
    }

    fn update_identification(&self, held: &Identification) -> Stmt {
        let verification = VerificationColumns::of(held.verification);
        Stmt::new(
            "UPDATE identifications SET standing = $3, verified_at = $4, second_factor = $5, updated_at = $6,
                verification_id = $7, code_attempts = $8, code_expire_at = $9
             WHERE instance_id = $1 AND id = $2",
            vec![
                self.instance.as_str().into(),
                held.id.as_str().into(),
                verification.name.into(),
                verification.verified_at.into(),
                second_factor_column(held.second_factor).into(),
                held.updated_at.into(),
                held.pending_code.as_ref().map(|code| code.id.as_str()).into(),
                verification.code_attempts.into(),
                verification.code_expire_at.into(),
            ],
        )
        .expect(1, Conflict::Stale)
    }
}

/// Everything but the id, in the order of the statements that write it.
fn user_values(user: &User) -> Vec<Value> {
    vec![
        user.version.into(),
        user.external_id.as_deref().into(),
        user.username.as_ref().map(Username::as_str).into(),
        user.username.as_ref().map(Username::key).into(),
        user.first_name.as_deref().into(),
        user.last_name.as_deref().into(),
        fold_name(user).into(),
        user.locale.as_deref().into(),
        user.public_metadata.to_text().into(),
        user.private_metadata.to_text().into(),
        user.unsafe_metadata.to_text().into(),
        user.delete_self_enabled.into(),
        user.create_organization_enabled.into(),
        user.create_organizations_limit.into(),
        user.bypass_client_trust.into(),
        user.legal_accepted_at.into(),
        user.banned_at.into(),
        user.locked_at.into(),
        user.mfa_enabled_at.into(),
        user.mfa_disabled_at.into(),
        user.created_at.into(),
        user.updated_at.into(),
        user.primary_phone_number_id.as_ref().map(IdentificationId::as_str).into(),
        user.primary_email_address_id.as_ref().map(IdentificationId::as_str).into(),
    ]
}

/// What a change to an identification can change about its user.
fn state_values(user: &User) -> Vec<Value> {
    vec![
        user.version.into(),
        user.mfa_enabled_at.into(),
        user.mfa_disabled_at.into(),
        user.updated_at.into(),
        user.primary_phone_number_id.as_ref().map(IdentificationId::as_str).into(),
        user.primary_email_address_id.as_ref().map(IdentificationId::as_str).into(),
    ]
}

/// Nothing differs but what [`state_values`] writes, the identifications and the credentials.
fn is_same_profile(before: &User, after: &User) -> bool {
    let with_state_of_after = User {
        version: after.version,
        mfa_enabled_at: after.mfa_enabled_at,
        mfa_disabled_at: after.mfa_disabled_at,
        updated_at: after.updated_at,
        primary_phone_number_id: after.primary_phone_number_id.clone(),
        primary_email_address_id: after.primary_email_address_id.clone(),
        identifications: after.identifications.clone(),
        credentials: after.credentials.clone(),
        ..before.clone()
    };
    with_state_of_after == *after
}

/// What a search by name looks at.
fn fold_name(user: &User) -> String {
    let names = [user.first_name.as_deref().unwrap_or(""), user.last_name.as_deref().unwrap_or("")];
    fold(names.join(" ").trim())
}

/// How an identification stands, as columns.
struct VerificationColumns {
    name: &'static str,
    verified_at: Option<UnixMillis>,
    code_attempts: Option<i64>,
    code_expire_at: Option<UnixMillis>,
}

impl VerificationColumns {
    fn of(verification: Verification) -> Self {
        let (name, verified_at, code_attempts, code_expire_at) = match verification {
            Verification::Unverified => ("unverified", None, None, None),
            Verification::Reserved => ("reserved", None, None, None),
            Verification::VerifiedByAdmin { at } => ("verified_by_admin", Some(at), None, None),
            Verification::VerifiedByCode { at, attempts, expire_at } => {
                ("verified_by_code", Some(at), Some(attempts), Some(expire_at))
            }
        };
        Self { name, verified_at, code_attempts, code_expire_at }
    }
}

fn second_factor_column(second_factor: SecondFactor) -> &'static str {
    match second_factor {
        SecondFactor::No => "no",
        SecondFactor::Reserved => "reserved",
        SecondFactor::Default => "default",
    }
}
