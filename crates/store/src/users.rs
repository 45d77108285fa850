//! Users: load, and save as the difference of two.

use crate::db::{Columns, Query, Reach, Row, Stmt, Value};
use crate::list::fold;
use crate::{Conflict, Counted, Message, Scoped, StoreError, StoredAnswer, WindowWrite};
use std::time::Instant;
use verger_core::metadata::Metadata;
use verger_core::{
    Claims, CodeDigest, E164, Email, Identification, Identifier, IdentifierKind, PendingCode, SecondFactor,
    User, Username, Verification,
};
use verger_wire::json::Json;
use verger_wire::{EventId, IdentificationId, UnixMillis, UserId};

/// The columns of a user; those of one of its identifications follow. [`users_from`] reads them in this order.
macro_rules! user_columns {
    () => {
        "u.id, u.version, u.external_id, u.username, u.first_name, u.last_name, u.locale, u.public_metadata,
         u.private_metadata, u.unsafe_metadata, u.delete_self_enabled, u.create_organization_enabled,
         u.create_organizations_limit, u.bypass_client_trust, u.legal_accepted_at, u.banned_at, u.locked_at,
         u.mfa_enabled_at, u.mfa_disabled_at, u.created_at, u.updated_at, u.primary_phone_number_id,
         u.primary_email_address_id"
    };
}

/// A user with its identifications in one statement: a snapshot by itself on every database.
macro_rules! user_query {
    ($condition:literal) => {
        concat!(
            "SELECT ",
            user_columns!(),
            ", ",
            identification_columns!(),
            " FROM users u LEFT JOIN identifications i ON i.instance_id = u.instance_id AND i.user_id = u.id",
            join_codes!(),
            " WHERE u.instance_id = $1 AND ",
            $condition
        )
    };
}

/// The columns of an identification, in the order in which [`identification_from`] reads them.
macro_rules! identification_columns {
    () => {
        "i.id, i.kind, i.identifier, i.typed, i.region, i.line_type, i.metadata_version, i.standing, i.verified_at,
         i.second_factor, i.created_at, i.updated_at, i.code_attempts, i.code_expire_at, v.id, v.key_id, v.digest,
         v.attempts, v.verified_at, v.created_at, v.expire_at"
    };
}

/// The newest code of an identification; most have none.
macro_rules! join_codes {
    () => {
        " LEFT JOIN verifications v ON v.instance_id = i.instance_id AND v.id = i.verification_id"
    };
}

/// [`users_from`] reads the columns of a user and then these; for statements that are put together at run time.
pub(crate) const USER_COLUMNS: &str = user_columns!();
pub(crate) const IDENTIFICATION_COLUMNS: &str = identification_columns!();
pub(crate) const JOIN_CODES: &str = join_codes!();
pub(crate) const USER_COLUMN_COUNT: usize = 23;
pub(crate) const IDENTIFICATION_COLUMN_COUNT: usize = 21;
/// Where the columns of the newest code begin among those of its identification.
const CODE_COLUMNS_AT: usize = 14;

/// A user as it was loaded, with what others hold of the texts that the request names.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The user.
    pub user: User,
    /// What others hold.
    pub claims: Claims,
}

/// An identification by itself, with what an answer tells of its user.
#[derive(Clone, Debug)]
pub struct HeldIdentification {
    /// Whose it is.
    pub user_id: UserId,
    /// The version of the user.
    pub user_version: i64,
    /// The phone number or email address.
    pub identification: Identification,
}

/// An event on its way into the outbox.
#[derive(Clone, Debug)]
pub struct OutboxEvent {
    /// `evt_…`.
    pub id: EventId,
    /// For example `phone_number.updated`.
    pub kind: String,
    /// Whose it is.
    pub user_id: UserId,
    /// The version of the user that it brought: events of one user are in this order.
    pub user_version: i64,
    /// When.
    pub created_at: UnixMillis,
    /// The event as JSON.
    pub payload: String,
    /// The event as webhooks carry it, sealed, where `payload` leaves a code out.
    pub sealed: Option<String>,
}

/// One user before and after. `None` stands for a user who does not exist.
#[derive(Clone, Debug)]
pub struct UserWrite {
    /// As it was loaded.
    pub before: Option<User>,
    /// As it shall be.
    pub after: Option<User>,
}

/// Everything that one decision writes: all of it or nothing.
#[derive(Clone, Debug, Default)]
pub struct Write {
    /// The users that differ.
    pub users: Vec<UserWrite>,
    /// What there is to tell of it.
    pub events: Vec<OutboxEvent>,
    /// What is remembered of numbers and addresses.
    pub windows: Vec<WindowWrite>,
    /// What counts against limits.
    pub counted: Vec<Counted>,
    /// What is to be sent.
    pub messages: Vec<Message>,
    /// The answer, if the request asked for it to be kept.
    pub answer: Option<StoredAnswer>,
}

impl Scoped<'_> {
    /// A user by its id.
    ///
    /// # Errors
    /// The database does not answer, or the stored user breaks a rule.
    pub async fn load_user(&self, id: &UserId, deadline: Instant) -> Result<Option<User>, StoreError> {
        let rows = self.store.rows(Reach::Point, self.user_query(id), deadline).await?;
        Ok(users_from(rows)?.pop())
    }

    /// An identification by its id, to be read: much less work than the whole user.
    ///
    /// # Errors
    /// The database does not answer, or the stored identification cannot be read.
    pub async fn load_identification(
        &self,
        id: &IdentificationId,
        deadline: Instant,
    ) -> Result<Option<HeldIdentification>, StoreError> {
        let query = Query::new(
            concat!(
                "SELECT i.user_id, u.version, ",
                identification_columns!(),
                " FROM identifications i JOIN users u ON u.instance_id = i.instance_id AND u.id = i.user_id",
                join_codes!(),
                " WHERE i.instance_id = $1 AND i.id = $2"
            ),
            vec![self.instance.as_str().into(), id.as_str().into()],
        );
        let Some(mut row) = self.store.rows(Reach::Point, query, deadline).await?.pop() else {
            return Ok(None);
        };
        let identification = identification_from(row.split_off(2))?;
        let mut columns = Columns::new("identifications", row);
        let user_id = columns.id("user_id")?.into();
        let user_version = columns.int("version")?;
        let identification = identification.ok_or_else(|| columns.corrupt("id"))?;
        Ok(Some(HeldIdentification { user_id, user_version, identification }))
    }

    /// A user by its id, with what others hold of `texts`, in one state of the database.
    ///
    /// # Errors
    /// As [`Scoped::load_user`].
    pub async fn load_for_change(
        &self,
        id: &UserId,
        texts: &[(IdentifierKind, String)],
        deadline: Instant,
    ) -> Result<Option<Loaded>, StoreError> {
        let mut queries = vec![self.user_query(id)];
        queries.extend(texts.iter().map(|(kind, text)| self.claim_query(*kind, text)));
        let mut answers = self.store.db.snapshot(Reach::Point, queries, deadline).await?;
        let claim_rows = answers.drain(1..).flatten().collect();
        loaded(answers.pop().unwrap_or_default(), claim_rows)
    }

    /// A user by the id of one of its identifications, with whether another holds the same text.
    ///
    /// # Errors
    /// As [`Scoped::load_user`].
    pub async fn load_for_identification_change(
        &self,
        id: &IdentificationId,
        deadline: Instant,
    ) -> Result<Option<Loaded>, StoreError> {
        let query = self.identification_change_query(id);
        loaded_for(id, self.store.rows(Reach::Point, query, deadline).await?)
    }

    /// The user, with who holds the text of this identification in the last column: one statement, which needs no
    /// transaction to be of one state. [`loaded_for`] reads its rows.
    pub(crate) fn identification_change_query(&self, id: &IdentificationId) -> Query {
        Query::new(
            concat!(
                "SELECT ",
                user_columns!(),
                ", ",
                identification_columns!(),
                ", CASE WHEN i.id = $2 THEN (SELECT c.user_id FROM claims c WHERE c.instance_id = i.instance_id
                     AND c.kind = i.kind AND c.identifier = i.identifier) END
                 FROM users u LEFT JOIN identifications i ON i.instance_id = u.instance_id AND i.user_id = u.id",
                join_codes!(),
                " WHERE u.instance_id = $1
                    AND u.id = (SELECT o.user_id FROM identifications o WHERE o.instance_id = $1 AND o.id = $2)"
            ),
            vec![self.instance.as_str().into(), id.as_str().into()],
        )
    }

    /// What users of the instance hold of `texts`: for a user who does not exist yet.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn load_claims(
        &self,
        texts: &[(IdentifierKind, String)],
        deadline: Instant,
    ) -> Result<Claims, StoreError> {
        let queries: Vec<_> = texts.iter().map(|(kind, text)| self.claim_query(*kind, text)).collect();
        if queries.is_empty() {
            return Ok(Claims::default());
        }
        let rows =
            self.store.db.snapshot(Reach::Point, queries, deadline).await?.into_iter().flatten().collect();
        claims_from(rows, None)
    }

    /// Writes what one decision changed: all of it or nothing. Once it gives `Ok`, it survives a power cut.
    ///
    /// # Errors
    /// [`Conflict::Stale`] if a user changed since it was loaded, [`Conflict::Taken`] if another user claimed a text
    /// meanwhile, [`Conflict::IdempotencyKeyUsed`], or the database does not answer.
    pub async fn save(&self, write: &Write, deadline: Instant) -> Result<(), StoreError> {
        let statements = self.statements(write);
        if statements.is_empty() {
            return Ok(());
        }
        self.store.batch(statements, deadline).await
    }

    /// The statements of a write. Pure, so that it can be looked at.
    pub(crate) fn statements(&self, write: &Write) -> Vec<Stmt> {
        let mut statements = Vec::new();
        for user in &write.users {
            match (&user.before, &user.after) {
                (None, None) => {}
                (None, Some(after)) => statements.push(self.insert_user(after)),
                (Some(before), None) => statements.push(self.delete_user(before)),
                (Some(before), Some(after)) => {
                    if before == after {
                        continue;
                    }
                    statements.push(self.update_user(before, after));
                }
            }
            self.write_identifications(user, &mut statements);
            self.write_claims(user, &mut statements);
        }
        statements.extend(write.events.iter().flat_map(|event| self.insert_event(event)));
        statements.extend(write.windows.iter().map(|window| self.write_window(window)));
        statements.extend(write.counted.iter().map(|counted| self.count(counted)));
        statements.extend(write.messages.iter().map(|message| self.insert_message(message)));
        statements.extend(write.answer.as_ref().map(|answer| self.insert_answer(answer)));
        statements
    }

    fn write_identifications(&self, user: &UserWrite, statements: &mut Vec<Stmt>) {
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
    fn write_code(&self, held: &Identification, before: Option<&PendingCode>, statements: &mut Vec<Stmt>) {
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

    fn write_claims(&self, user: &UserWrite, statements: &mut Vec<Stmt>) {
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

    pub(crate) fn insert_event(&self, event: &OutboxEvent) -> [Stmt; 2] {
        let payload = Stmt::new(
            "INSERT INTO outbox_payloads (instance_id, event_id, payload) VALUES ($1, $2, $3)",
            vec![self.instance.as_str().into(), event.id.as_str().into(), event.payload.as_str().into()],
        );
        let row = Stmt::new(
            "INSERT INTO outbox (instance_id, id, kind, user_id, user_version, created_at, payload, sealed)
             VALUES ($1, $2, $3, $4, $5, $6, '', $7)",
            vec![
                self.instance.as_str().into(),
                event.id.as_str().into(),
                event.kind.as_str().into(),
                event.user_id.as_str().into(),
                event.user_version.into(),
                event.created_at.into(),
                event.sealed.as_deref().into(),
            ],
        );
        [payload, row]
    }

    fn user_query(&self, id: &UserId) -> Query {
        Query::new(user_query!("u.id = $2"), vec![self.instance.as_str().into(), id.as_str().into()])
    }

    fn claim_query(&self, kind: IdentifierKind, text: &str) -> Query {
        Query::new(
            "SELECT user_id, kind, identifier FROM claims
             WHERE instance_id = $1 AND kind = $2 AND identifier = $3",
            vec![self.instance.as_str().into(), kind.as_str().into(), text.into()],
        )
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

/// Nothing differs but what [`state_values`] writes and the identifications.
fn is_same_profile(before: &User, after: &User) -> bool {
    let with_state_of_after = User {
        version: after.version,
        mfa_enabled_at: after.mfa_enabled_at,
        mfa_disabled_at: after.mfa_disabled_at,
        updated_at: after.updated_at,
        primary_phone_number_id: after.primary_phone_number_id.clone(),
        primary_email_address_id: after.primary_email_address_id.clone(),
        identifications: after.identifications.clone(),
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

/// Puts users together from rows of a user's and an identification's columns. The rows of one user stand together, and the
/// first of them has the user's.
pub(crate) fn users_from(rows: Vec<Row>) -> Result<Vec<User>, StoreError> {
    let mut users: Vec<User> = Vec::new();
    for mut row in rows {
        let identification = identification_from(row.split_off(USER_COLUMN_COUNT))?;
        let is_same = users
            .last()
            .is_some_and(|user| matches!(row.first(), Some(Value::Text(id)) if id == user.id.as_str()));
        if !is_same {
            users.push(user_from(row)?);
        }
        if let (Some(user), Some(identification)) = (users.last_mut(), identification) {
            user.identifications.push(identification);
        }
    }
    for user in &mut users {
        // In the order of their making, which the order of the rows is not on every database.
        user.identifications.sort_unstable_by(|one, other| one.id.cmp(&other.id));
        user.check().map_err(|broken| StoreError::Corrupt {
            table: "users",
            id: user.id.to_string(),
            what: format!("it breaks the rule {broken:?}"),
        })?;
    }
    Ok(users)
}

fn user_from(row: Row) -> Result<User, StoreError> {
    let mut columns = Columns::new("users", row);
    Ok(User {
        id: columns.id("id")?.into(),
        version: columns.int("version")?,
        external_id: columns.optional_text("external_id")?,
        username: columns.optional_text("username")?.map(Username::from_stored),
        first_name: columns.optional_text("first_name")?,
        last_name: columns.optional_text("last_name")?,
        locale: columns.optional_text("locale")?,
        public_metadata: metadata_from(&mut columns, "public_metadata")?,
        private_metadata: metadata_from(&mut columns, "private_metadata")?,
        unsafe_metadata: metadata_from(&mut columns, "unsafe_metadata")?,
        delete_self_enabled: columns.flag("delete_self_enabled")?,
        create_organization_enabled: columns.flag("create_organization_enabled")?,
        create_organizations_limit: columns.optional_int("create_organizations_limit")?,
        bypass_client_trust: columns.flag("bypass_client_trust")?,
        legal_accepted_at: columns.optional_int("legal_accepted_at")?.map(UnixMillis),
        banned_at: columns.optional_int("banned_at")?.map(UnixMillis),
        locked_at: columns.optional_int("locked_at")?.map(UnixMillis),
        mfa_enabled_at: columns.optional_int("mfa_enabled_at")?.map(UnixMillis),
        mfa_disabled_at: columns.optional_int("mfa_disabled_at")?.map(UnixMillis),
        created_at: UnixMillis(columns.int("created_at")?),
        updated_at: UnixMillis(columns.int("updated_at")?),
        primary_phone_number_id: columns.optional_text("primary_phone_number_id")?.map(Into::into),
        primary_email_address_id: columns.optional_text("primary_email_address_id")?.map(Into::into),
        identifications: Vec::new(),
    })
}

fn metadata_from(columns: &mut Columns, column: &'static str) -> Result<Metadata, StoreError> {
    let text = columns.text(column)?;
    if text == "{}" {
        return Ok(Metadata::new());
    }
    match verger_wire::json::parse(&text) {
        Ok(Json::Object(metadata)) => Ok(metadata),
        _ => Err(columns.corrupt(column)),
    }
}

/// `None` for the row of a user without any: the outer join gives nulls.
fn identification_from(row: Row) -> Result<Option<Identification>, StoreError> {
    if row.first() == Some(&Value::Null) {
        return Ok(None);
    }
    let mut row = row;
    let pending_code = pending_code_from(row.split_off(CODE_COLUMNS_AT))?;
    let mut columns = Columns::new("identifications", row);
    let id = columns.id("id")?.into();
    let kind = columns.text("kind")?;
    let text = columns.text("identifier")?;
    let typed = columns.text("typed")?;
    let region = columns.optional_text("region")?;
    let line_type = columns.optional_text("line_type")?;
    let metadata_version = columns.optional_text("metadata_version")?;
    let identifier = match (kind.as_str(), metadata_version) {
        ("phone_number", Some(version)) => {
            Identifier::Phone(E164::from_stored(text, typed, region, line_type, version))
        }
        ("email_address", _) => Identifier::Email(Email::from_stored(text, typed)),
        _ => return Err(columns.corrupt("kind")),
    };
    let name = columns.text("standing")?;
    let verified_at = columns.optional_int("verified_at")?.map(UnixMillis);
    let second_factor = match columns.text("second_factor")?.as_str() {
        "no" => SecondFactor::No,
        "reserved" => SecondFactor::Reserved,
        "default" => SecondFactor::Default,
        _ => return Err(columns.corrupt("second_factor")),
    };
    let created_at = UnixMillis(columns.int("created_at")?);
    let updated_at = UnixMillis(columns.int("updated_at")?);
    let code_attempts = columns.optional_int("code_attempts")?;
    let code_expire_at = columns.optional_int("code_expire_at")?.map(UnixMillis);
    let verification = match (name.as_str(), verified_at, code_attempts, code_expire_at) {
        ("unverified", None, None, None) => Verification::Unverified,
        ("reserved", None, None, None) => Verification::Reserved,
        ("verified_by_admin", Some(at), None, None) => Verification::VerifiedByAdmin { at },
        ("verified_by_code", Some(at), Some(attempts), Some(expire_at)) => {
            Verification::VerifiedByCode { at, attempts, expire_at }
        }
        _ => return Err(columns.corrupt("standing")),
    };
    Ok(Some(Identification {
        id,
        identifier,
        verification,
        pending_code,
        second_factor,
        created_at,
        updated_at,
    }))
}

/// `None` where the outer join found no code.
pub(crate) fn pending_code_from(row: Row) -> Result<Option<PendingCode>, StoreError> {
    if row.first() == Some(&Value::Null) {
        return Ok(None);
    }
    let mut columns = Columns::new("verifications", row);
    Ok(Some(PendingCode {
        id: columns.id("id")?.into(),
        code: CodeDigest { key_id: columns.text("key_id")?, digest: columns.text("digest")? },
        attempts: columns.int("attempts")?,
        verified_at: columns.optional_int("verified_at")?.map(UnixMillis),
        created_at: UnixMillis(columns.int("created_at")?),
        expire_at: UnixMillis(columns.int("expire_at")?),
    }))
}

fn loaded(user_rows: Vec<Row>, claim_rows: Vec<Row>) -> Result<Option<Loaded>, StoreError> {
    let Some(user) = users_from(user_rows)?.pop() else { return Ok(None) };
    let claims = claims_from(claim_rows, Some(&user.id))?;
    Ok(Some(Loaded { user, claims }))
}

/// Reads the rows of [`Scoped::identification_change_query`].
pub(crate) fn loaded_for(id: &IdentificationId, mut rows: Vec<Row>) -> Result<Option<Loaded>, StoreError> {
    let holders = rows.iter_mut().filter_map(Vec::pop);
    let holder = holders.fold(Value::Null, |found, holder| if found == Value::Null { holder } else { found });
    let Some(user) = users_from(rows)?.pop() else { return Ok(None) };
    let is_of_another = match holder {
        Value::Null => false,
        Value::Text(holder) => holder != user.id.as_str(),
        // The claim is named by the user who asks: its text must not reach a log.
        _ => {
            let (id, what) = (user.id.to_string(), "user_id".to_owned());
            return Err(StoreError::Corrupt { table: "claims", id, what });
        }
    };
    let asked = user.identifications.iter().find(|held| held.id == *id).filter(|_| is_of_another);
    let held = asked.map(|held| (held.identifier.kind(), held.identifier.as_str().to_owned()));
    Ok(Some(Loaded { claims: Claims::new(held), user }))
}

/// The claims of everybody but `own`.
fn claims_from(rows: Vec<Row>, own: Option<&UserId>) -> Result<Claims, StoreError> {
    let mut held = Vec::with_capacity(rows.len());
    for row in rows {
        let mut columns = Columns::new("claims", row);
        // A damaged claim is named by its user: its text must not reach a log.
        let user_id = columns.id("user_id")?;
        let kind = columns.text("kind")?;
        let text = columns.text("identifier")?;
        if own.is_some_and(|own| own.as_str() == user_id) {
            continue;
        }
        let kind = match kind.as_str() {
            "phone_number" => IdentifierKind::PhoneNumber,
            "email_address" => IdentifierKind::EmailAddress,
            "username" => IdentifierKind::Username,
            "external_id" => IdentifierKind::ExternalId,
            _ => return Err(columns.corrupt("kind")),
        };
        held.push((kind, text));
    }
    Ok(Claims::new(held))
}
