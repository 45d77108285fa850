//! Sessions: how they are loaded, listed and written.

mod activity;
mod list;
mod rows;

pub use activity::SessionActivity;
pub use list::{SessionFilter, SessionState};
pub(crate) use rows::object;
pub(crate) use rows::sessions_from;
use rows::{SESSION_COLUMN_COUNT, SESSION_COLUMNS, session_columns, session_from};

use crate::aggregate::{Aggregate, Statements};
use crate::db::{Columns, Query, Reach, Row, Stmt, Value};
use crate::jwt_templates::{TEMPLATE_COLUMN_COUNT, template_columns, template_from};
use crate::users::{identification_columns, join_codes, join_credentials, user_columns, users_from};
use crate::{AggregateKind, Change, Conflict, Scoped, StoreError};
use std::time::Instant;
use verger_core::session::{BrokenSession, Ending, SessionRules};
use verger_core::{JwtTemplate, Session, User};
use verger_wire::{ClientId, SessionId, UnixMillis, UserId};

/// What a token is minted from, in one state of the database.
#[derive(Clone, Debug)]
pub struct LoadedForToken {
    /// The session, whatever became of it.
    pub session: Session,
    /// Its user; `None` if the user is gone.
    pub user: Option<User>,
    /// When somebody last signed in or out on the client of the session, in real time.
    pub signed_at: UnixMillis,
    /// The template of the name that was asked for.
    pub template: Option<JwtTemplate>,
}

/// A user whose sign-in is part of a write, as the user was when that was decided.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The user.
    pub user_id: UserId,
    /// The version that was looked at: of another one it might not have been decided.
    pub version: i64,
    /// When.
    pub at: UnixMillis,
}

impl Aggregate for Session {
    const KIND: AggregateKind = AggregateKind::Session;
    const TABLE: &'static str = "sessions";
    type Broken = BrokenSession;

    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn load(scoped: &Scoped<'_>, id: &str) -> Vec<Query> {
        vec![Query::new(
            concat!("SELECT ", session_columns!(), " FROM sessions s WHERE s.instance_id = $1 AND s.id = $2"),
            vec![scoped.instance.as_str().into(), id.into()],
        )]
    }

    fn read(answers: Vec<Vec<Row>>) -> Result<Option<Self>, StoreError> {
        Ok(sessions_from(answers.into_iter().flatten().collect())?.pop())
    }

    fn check(&self) -> Result<(), BrokenSession> {
        self.check()
    }

    fn save(scoped: &Scoped<'_>, change: &Change<Self>, _at: UnixMillis, statements: &mut Statements) {
        match (&change.before, &change.after) {
            (None, None) => {}
            (None, Some(after)) => statements.lock(after.key(), scoped.insert_session(after)),
            (Some(before), None) => {
                statements.lock(before.key(), scoped.delete_session(before));
                scoped.forget_refreshes(&before.id, statements);
            }
            (Some(before), Some(after)) => {
                statements.lock(after.key(), scoped.update_session(before, after));
                if before.end.is_none() && after.end.is_some() {
                    scoped.forget_refreshes(&before.id, statements);
                }
            }
        }
    }
}

impl Scoped<'_> {
    /// A session by its id.
    ///
    /// # Errors
    /// The database does not answer, or the row is damaged.
    pub async fn session(&self, id: &SessionId, deadline: Instant) -> Result<Option<Session>, StoreError> {
        self.load(id.as_str(), deadline).await
    }

    /// A session with everything that a token of it is minted from.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub async fn load_for_token(
        &self,
        id: &SessionId,
        template: &str,
        deadline: Instant,
    ) -> Result<Option<LoadedForToken>, StoreError> {
        // One statement: a snapshot by itself on every database. A row for each identification of the user.
        let query = Query::new(
            concat!(
                "SELECT ",
                session_columns!(),
                ", COALESCE(k.signed_at, 0), ",
                template_columns!(),
                ", ",
                user_columns!(),
                ", ",
                identification_columns!(),
                " FROM sessions s
                 LEFT JOIN clients k ON k.instance_id = s.instance_id AND k.id = s.client_id
                 LEFT JOIN jwt_templates t ON t.instance_id = s.instance_id AND t.name = $3
                 LEFT JOIN users u ON u.instance_id = s.instance_id AND u.id = s.user_id",
                join_credentials!(),
                " LEFT JOIN identifications i ON i.instance_id = u.instance_id AND i.user_id = u.id",
                join_codes!(),
                " WHERE s.instance_id = $1 AND s.id = $2"
            ),
            vec![self.instance.as_str().into(), id.as_str().into(), template.into()],
        );
        loaded_for_token(self.store.rows(Reach::Point, query, deadline).await?)
    }

    /// The sessions of a user of which no end is written down, the oldest first. Together with the user they are what a
    /// change decides from that ends them.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub async fn open_sessions_of(
        &self,
        users: &[UserId],
        deadline: Instant,
    ) -> Result<Vec<Session>, StoreError> {
        let queries: Vec<_> = users.iter().map(|user| self.open_sessions_query(user)).collect();
        if queries.is_empty() {
            return Ok(Vec::new());
        }
        let answers = self.store.db.snapshot(Reach::Point, queries, deadline).await?;
        sessions_from(answers.into_iter().flatten().collect())
    }

    pub(crate) fn open_sessions_query(&self, user: &UserId) -> Query {
        Query::new(
            concat!(
                "SELECT ",
                session_columns!(),
                " FROM sessions s
                 WHERE s.instance_id = $1 AND s.user_id = $2 AND s.ending IS NULL ORDER BY s.created_at, s.id"
            ),
            vec![self.instance.as_str().into(), user.as_str().into()],
        )
    }

    /// Sessions of which no end is written down although their time is over, at most `limit`.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub async fn sessions_to_expire(
        &self,
        rules: &SessionRules,
        now: UnixMillis,
        limit: i64,
        deadline: Instant,
    ) -> Result<Vec<Session>, StoreError> {
        let over = |condition: &str| {
            format!(
                "SELECT {SESSION_COLUMNS} FROM sessions s
                 WHERE s.instance_id = $1 AND s.ending IS NULL AND {condition} LIMIT $3"
            )
        };
        let by = |condition: &str, moment: UnixMillis| {
            Query::new(over(condition), vec![self.instance.as_str().into(), moment.into(), limit.into()])
        };
        let mut queries =
            vec![by("s.expire_at <= $2", now), by("s.created_at <= $2", now.plus_ms(-rules.lifetime_ms))];
        queries
            .extend(rules.inactivity_ms.map(|limit_ms| by("s.last_active_at <= $2", now.plus_ms(-limit_ms))));
        let answers = self.store.db.snapshot(Reach::Job, queries, deadline).await?;
        let mut sessions = sessions_from(answers.into_iter().flatten().collect())?;
        sessions.sort_by(|one, other| one.id.cmp(&other.id));
        sessions.dedup_by(|one, other| one.id == other.id);
        Ok(sessions)
    }

    /// What keeps a session that is over by these rules over when others follow: its life ends at this moment at the latest.
    pub(crate) fn bind_outlived_sessions(&self, rules: &SessionRules, at: UnixMillis) -> Stmt {
        // Where there is no limit, nobody was active so early.
        let idle_since = rules.inactivity_ms.map_or(i64::MIN, |limit_ms| at.plus_ms(-limit_ms).0);
        Stmt::new(
            "UPDATE sessions SET expire_at = $2
             WHERE instance_id = $1 AND ending IS NULL AND expire_at > $2 AND (created_at <= $3 OR last_active_at <= $4)",
            vec![
                self.instance.as_str().into(),
                at.into(),
                at.plus_ms(-rules.lifetime_ms).into(),
                idle_since.into(),
            ],
        )
    }

    /// Notes a sign-in with the user, who must still be as it was when the sign-in was decided.
    pub(crate) fn sign_in(&self, signed_in: &SignedIn) -> Stmt {
        Stmt::new(
            "UPDATE users SET last_sign_in_at = $4,
                last_active_at = CASE WHEN last_active_at > $4 THEN last_active_at ELSE $4 END
             WHERE instance_id = $1 AND id = $2 AND version = $3",
            vec![
                self.instance.as_str().into(),
                signed_in.user_id.as_str().into(),
                signed_in.version.into(),
                signed_in.at.into(),
            ],
        )
        .expect(1, Conflict::Stale)
    }

    /// That nobody has begun a session of the user since those were loaded that this write ends. Whoever begins one takes the
    /// lock of the user, so none can begin behind this.
    pub(crate) fn expect_no_open_session(&self, user: &UserId) -> Stmt {
        Stmt::new(
            "UPDATE sessions SET version = version WHERE instance_id = $1 AND user_id = $2 AND ending IS NULL",
            vec![self.instance.as_str().into(), user.as_str().into()],
        )
        .expect(0, Conflict::Stale)
    }

    /// Removes what there is of a user who is deleted: sessions, tickets, and the traces in clients.
    pub(crate) fn forget_signed_in(&self, user: &UserId, statements: &mut Statements) {
        let of_user =
            |sql: &'static str| Stmt::new(sql, vec![self.instance.as_str().into(), user.as_str().into()]);
        for sql in [
            "DELETE FROM refresh_tokens WHERE instance_id = $1
                AND session_id IN (SELECT id FROM sessions WHERE instance_id = $1 AND user_id = $2)",
            "DELETE FROM refreshed_tokens WHERE instance_id = $1
                AND session_id IN (SELECT id FROM sessions WHERE instance_id = $1 AND user_id = $2)",
            "UPDATE clients SET last_active_session_id = NULL, version = version + 1 WHERE instance_id = $1
                AND id IN (SELECT client_id FROM sessions WHERE instance_id = $1 AND user_id = $2)
                AND last_active_session_id IN (SELECT id FROM sessions WHERE instance_id = $1 AND user_id = $2)",
            "DELETE FROM sessions WHERE instance_id = $1 AND user_id = $2",
            "DELETE FROM tickets WHERE instance_id = $1 AND user_id = $2",
        ] {
            statements.push(of_user(sql));
        }
    }

    fn insert_session(&self, session: &Session) -> Stmt {
        Stmt::new(
            "INSERT INTO sessions (instance_id, id, version, user_id, client_id, origin, actor, second_factor_demanded,
                first_factor_at, second_factor_at, ending, ended_at, last_active_organization_id, last_active_at, activity,
                expire_at, abandon_at, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)",
            rows::values_of(session, self.instance),
        )
        .on_unique(Conflict::Stale)
    }

    /// Writes neither its life nor its activity: the one never changes, and the other is no change.
    fn update_session(&self, before: &Session, after: &Session) -> Stmt {
        Stmt::new(
            "UPDATE sessions SET version = $4, first_factor_at = $5, second_factor_at = $6, ending = $7, ended_at = $8,
                last_active_organization_id = $9, updated_at = $10
             WHERE instance_id = $1 AND id = $2 AND version = $3 AND ending IS NULL",
            vec![
                self.instance.as_str().into(),
                after.id.as_str().into(),
                before.version.into(),
                after.version.into(),
                after.proofs.first.into(),
                after.proofs.second.into(),
                after.end.map(|end| Ending::as_str(end.how)).into(),
                after.end.map(|end| end.at).into(),
                after.last_active_organization_id.as_deref().into(),
                after.updated_at.into(),
            ],
        )
        .expect(1, Conflict::Stale)
    }

    fn delete_session(&self, session: &Session) -> Stmt {
        Stmt::new(
            "DELETE FROM sessions WHERE instance_id = $1 AND id = $2 AND version = $3",
            vec![self.instance.as_str().into(), session.id.as_str().into(), session.version.into()],
        )
        .expect(1, Conflict::Stale)
    }

    fn forget_refreshes(&self, session: &SessionId, statements: &mut Statements) {
        for sql in [
            "DELETE FROM refresh_tokens WHERE instance_id = $1 AND session_id = $2",
            "DELETE FROM refreshed_tokens WHERE instance_id = $1 AND session_id = $2",
        ] {
            statements.push(Stmt::new(sql, vec![self.instance.as_str().into(), session.as_str().into()]));
        }
    }

    /// The sessions of these clients, the oldest first.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub async fn sessions_of_clients(
        &self,
        clients: &[&ClientId],
        deadline: Instant,
    ) -> Result<Vec<Session>, StoreError> {
        if clients.is_empty() {
            return Ok(Vec::new());
        }
        let mut params: Vec<Value> = vec![self.instance.as_str().into()];
        params.extend(clients.iter().map(|id| Value::from(id.as_str())));
        let places: Vec<_> = (2..=params.len()).map(|at| format!("${at}")).collect();
        let sql = format!(
            "SELECT {SESSION_COLUMNS} FROM sessions s WHERE s.instance_id = $1 AND s.client_id IN ({})
             ORDER BY s.created_at, s.id",
            places.join(", ")
        );
        sessions_from(self.store.rows(Reach::Scan, Query::new(sql, params), deadline).await?)
    }
}

/// Reads the rows of [`Scoped::load_for_token`].
fn loaded_for_token(mut rows: Vec<Row>) -> Result<Option<LoadedForToken>, StoreError> {
    let mut session = Vec::new();
    for row in &mut rows {
        let user = row.split_off(SESSION_COLUMN_COUNT + 1 + TEMPLATE_COLUMN_COUNT);
        session = std::mem::replace(row, user);
    }
    if session.is_empty() {
        return Ok(None);
    }
    let template = session.split_off(SESSION_COLUMN_COUNT + 1);
    let signed_at = Columns::new("clients", session.split_off(SESSION_COLUMN_COUNT)).int("signed_at")?;
    let is_there = |row: &Row| row.first().is_some_and(|id| *id != Value::Null);
    let template = Some(template).filter(is_there).map(template_from).transpose()?;
    rows.retain(is_there);
    let (session, user) = (session_from(session)?, users_from(rows)?.pop());
    Ok(Some(LoadedForToken { session, user, signed_at: UnixMillis(signed_at), template }))
}
