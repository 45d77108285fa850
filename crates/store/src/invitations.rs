//! Invitations as rows.

use crate::aggregate::{Aggregate, Statements};
use crate::db::{Columns, Query, Reach, Row, Stmt, Value};
use crate::long_reads::Bound;
use crate::{AggregateKey, AggregateKind, Change, Conflict, Scoped, StoreError};
use std::time::Instant;
use verger_core::Invitation;
use verger_core::invitation::{BrokenInvitation, InvitationOutcome, InvitationStatus, PENDING_MAX};
use verger_wire::json::Json;
use verger_wire::{InvitationId, UnixMillis};

/// The scope of the limit on open invitations of an instance.
const INVITATIONS_SCOPE: &str = "invitations";
const COLUMNS: &str = "id, version, email_address, digest, public_metadata, redirect_url, status, expires_at, created_at, updated_at";

/// By what a list of invitations is in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvitationOrder {
    /// When they were made.
    CreatedAt,
    /// Who is invited.
    EmailAddress,
    /// When they expire.
    ExpiresAt,
}

/// Which invitations, and in which order.
#[derive(Clone, Debug)]
pub struct InvitationFilter {
    /// Only those that are this now; `None`: all that were not revoked.
    pub status: Option<InvitationStatus>,
    /// Only those whose address or id has this in it, in lower case.
    pub query: Option<String>,
    /// By what they are in order.
    pub order: InvitationOrder,
    /// The greatest first.
    pub is_descending: bool,
    /// At most this many.
    pub limit: i64,
    /// Without the first ones.
    pub offset: i64,
    /// What is expired is decided by this.
    pub now: UnixMillis,
}

impl Aggregate for Invitation {
    const KIND: AggregateKind = AggregateKind::Invitation;
    const TABLE: &'static str = "invitations";
    type Broken = BrokenInvitation;

    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn load(scoped: &Scoped<'_>, id: &str) -> Vec<Query> {
        vec![Query::new(
            format!("SELECT {COLUMNS} FROM invitations WHERE instance_id = $1 AND id = $2"),
            vec![scoped.instance.as_str().into(), id.into()],
        )]
    }

    fn read(answers: Vec<Vec<Row>>) -> Result<Option<Self>, StoreError> {
        answers.into_iter().flatten().next().map(invitation_from).transpose()
    }

    fn check(&self) -> Result<(), BrokenInvitation> {
        self.check()
    }

    fn save(scoped: &Scoped<'_>, change: &Change<Self>, at: UnixMillis, statements: &mut Statements) {
        match (&change.before, &change.after) {
            (None, Some(after)) => {
                // Only one at a time counts and adds.
                statements.lock_once(AggregateKey::instance(scoped.instance), || scoped.lock_instance());
                statements.lock(after.key(), scoped.insert_invitation(after, at));
            }
            (Some(before), Some(after)) => {
                statements.lock(after.key(), scoped.update_invitation(before.version, after));
            }
            // They are kept: a ticket that is used again is told from one that never was.
            (_, None) => {}
        }
    }
}

impl Scoped<'_> {
    /// One invitation.
    ///
    /// # Errors
    /// The database does not answer, or the row is damaged.
    pub async fn invitation(
        &self,
        id: &InvitationId,
        deadline: Instant,
    ) -> Result<Option<Invitation>, StoreError> {
        self.load(id.as_str(), deadline).await
    }

    /// The invitation whose ticket has this digest.
    ///
    /// # Errors
    /// The database does not answer, or the row is damaged.
    pub async fn invitation_by_digest(
        &self,
        digest: &str,
        deadline: Instant,
    ) -> Result<Option<Invitation>, StoreError> {
        let query = Query::new(
            format!("SELECT {COLUMNS} FROM invitations WHERE instance_id = $1 AND digest = $2"),
            vec![self.instance.as_str().into(), digest.into()],
        );
        self.store.rows(Reach::Point, query, deadline).await?.pop().map(invitation_from).transpose()
    }

    /// Of these addresses those that have an invitation that can be accepted, and those that a user has claimed.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub async fn invited_or_claimed(
        &self,
        addresses: &[String],
        now: UnixMillis,
        deadline: Instant,
    ) -> Result<(Vec<String>, Vec<String>), StoreError> {
        let list = |first: usize| {
            (0..addresses.len()).map(|at| format!("${}", at + first)).collect::<Vec<_>>().join(", ")
        };
        let texts = || addresses.iter().map(|address| Value::from(address.as_str()));
        let instance = Value::from(self.instance.as_str());
        let invited = Query::new(
            format!(
                "SELECT DISTINCT email_address FROM invitations
                 WHERE instance_id = $1 AND status = 'open' AND expires_at > $2 AND email_address IN ({})",
                list(3)
            ),
            [instance.clone(), now.into()].into_iter().chain(texts()).collect(),
        );
        let claimed = Query::new(
            format!(
                "SELECT identifier FROM claims WHERE instance_id = $1 AND kind = 'email_address' AND identifier IN ({})",
                list(2)
            ),
            std::iter::once(instance).chain(texts()).collect(),
        );
        let mut answers =
            self.store.db.snapshot(Reach::Point, vec![invited, claimed], deadline).await?.into_iter();
        let mut next = |table| {
            let rows = answers.next().unwrap_or_default();
            rows.into_iter()
                .map(|row| Columns::new(table, row).text("address"))
                .collect::<Result<Vec<_>, _>>()
        };
        Ok((next("invitations")?, next("claims")?))
    }

    /// Invitations that fit, and how many there are.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub async fn invitations(
        &self,
        filter: &InvitationFilter,
        deadline: Instant,
    ) -> Result<(Vec<Invitation>, i64), StoreError> {
        let mut params: Vec<Value> = vec![self.instance.as_str().into()];
        let mut conditions = String::from("instance_id = $1");
        match filter.status {
            None => conditions.push_str(" AND status <> 'revoked'"),
            Some(InvitationStatus::Accepted) => conditions.push_str(" AND status = 'accepted'"),
            Some(InvitationStatus::Revoked) => conditions.push_str(" AND status = 'revoked'"),
            Some(InvitationStatus::Pending) => {
                params.push(filter.now.into());
                conditions.push_str(" AND status = 'open' AND expires_at > $2");
            }
            Some(InvitationStatus::Expired) => {
                params.push(filter.now.into());
                conditions.push_str(" AND status = 'open' AND expires_at <= $2");
            }
        }
        if filter.query.as_deref().is_some_and(|query| query.contains('\0')) {
            // No stored text has it, and SQLite would end the pattern there.
            conditions.push_str(" AND 1 = 0");
        } else if let Some(query) = &filter.query {
            let escaped = query.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
            params.push(format!("%{escaped}%").into());
            let at = params.len();
            params.push(query.as_str().into());
            conditions
                .push_str(&format!(" AND (email_address LIKE ${at} ESCAPE '\\' OR lower(id) = ${})", at + 1));
        }
        let count =
            Query::new(format!("SELECT COUNT(*) FROM invitations WHERE {conditions}"), params.clone());
        let (column, direction) = (filter.order.column(), if filter.is_descending { "DESC" } else { "ASC" });
        let at = params.len() + 1;
        params.extend([filter.limit.into(), filter.offset.into()]);
        let page = Query::new(
            format!(
                "SELECT {COLUMNS} FROM invitations WHERE {conditions}
                 ORDER BY {column} {direction}, id {direction} LIMIT ${at} OFFSET ${}",
                at + 1
            ),
            params,
        );
        let found = self.read(Bound::None, page, deadline).await?;
        let count = self.count_of("invitations", count, deadline).await?;
        Ok((found.into_iter().map(invitation_from).collect::<Result<_, _>>()?, count))
    }

    fn insert_invitation(&self, invitation: &Invitation, at: UnixMillis) -> Stmt {
        Stmt::new(
            "INSERT INTO invitations (instance_id, id, version, email_address, digest, public_metadata, redirect_url,
                status, expires_at, created_at, updated_at)
             SELECT $1, $2, CAST($3 AS BIGINT), $4, $5, $6, CAST($7 AS TEXT), $8, CAST($9 AS BIGINT),
                CAST($10 AS BIGINT), CAST($11 AS BIGINT)
             WHERE (SELECT COUNT(*) FROM invitations
                    WHERE instance_id = $1 AND status = 'open' AND expires_at > $12) < $13",
            vec![
                self.instance.as_str().into(),
                invitation.id.as_str().into(),
                invitation.version.into(),
                invitation.email_address.as_str().into(),
                invitation.digest.as_str().into(),
                invitation.public_metadata.to_text().into(),
                invitation.redirect_url.as_deref().into(),
                invitation.outcome.as_str().into(),
                invitation.expires_at.into(),
                invitation.created_at.into(),
                invitation.updated_at.into(),
                at.into(),
                PENDING_MAX.into(),
            ],
        )
        .expect(1, Conflict::LimitReached(INVITATIONS_SCOPE))
        .on_unique(Conflict::Stale)
    }

    fn update_invitation(&self, version: i64, after: &Invitation) -> Stmt {
        Stmt::new(
            "UPDATE invitations SET version = $3, status = $4, updated_at = $5
             WHERE instance_id = $1 AND id = $2 AND version = $6",
            vec![
                self.instance.as_str().into(),
                after.id.as_str().into(),
                after.version.into(),
                after.outcome.as_str().into(),
                after.updated_at.into(),
                version.into(),
            ],
        )
        .expect(1, Conflict::Stale)
    }
}

impl InvitationOrder {
    fn column(self) -> &'static str {
        match self {
            Self::CreatedAt => "created_at",
            Self::EmailAddress => "email_address",
            Self::ExpiresAt => "expires_at",
        }
    }
}

fn invitation_from(row: Row) -> Result<Invitation, StoreError> {
    let mut columns = Columns::new("invitations", row);
    let invitation = Invitation {
        id: columns.id("id")?.into(),
        version: columns.int("version")?,
        email_address: columns.text("email_address")?,
        digest: columns.text("digest")?,
        public_metadata: {
            let text = columns.text("public_metadata")?;
            match verger_wire::json::parse(&text) {
                Ok(Json::Object(metadata)) => metadata,
                Ok(_) | Err(_) => return Err(columns.corrupt("public_metadata")),
            }
        },
        redirect_url: columns.optional_text("redirect_url")?,
        outcome: {
            let name = columns.text("status")?;
            InvitationOutcome::parse(&name).ok_or_else(|| columns.corrupt("status"))?
        },
        expires_at: UnixMillis(columns.int("expires_at")?),
        created_at: UnixMillis(columns.int("created_at")?),
        updated_at: UnixMillis(columns.int("updated_at")?),
    };
    invitation.checked()
}
