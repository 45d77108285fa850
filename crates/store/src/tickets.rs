//! Sign-in tokens and actor tokens as rows.

use crate::aggregate::{Aggregate, Statements};
use crate::db::{Columns, Query, Reach, Row, Stmt, Value};
use crate::sessions::object;
use crate::{AggregateKind, Change, Conflict, Scoped, StoreError};
use std::time::Instant;
use verger_core::Ticket;
use verger_core::ticket::{ActorWithoutSubject, Purpose, TicketStatus};
use verger_wire::UnixMillis;
use verger_wire::json::Object;

macro_rules! ticket_columns {
    () => {
        "id, version, purpose, user_id, digest, status, actor, session_seconds_max, expire_at, created_at, updated_at"
    };
}

impl Aggregate for Ticket {
    const KIND: AggregateKind = AggregateKind::Ticket;
    const TABLE: &'static str = "tickets";
    type Broken = ActorWithoutSubject;

    fn id(&self) -> &str {
        &self.id
    }

    fn load(scoped: &Scoped<'_>, id: &str) -> Vec<Query> {
        vec![Query::new(
            concat!("SELECT ", ticket_columns!(), " FROM tickets WHERE instance_id = $1 AND id = $2"),
            vec![scoped.instance.as_str().into(), id.into()],
        )]
    }

    fn read(answers: Vec<Vec<Row>>) -> Result<Option<Self>, StoreError> {
        answers.into_iter().flatten().next().map(ticket_from).transpose()
    }

    fn check(&self) -> Result<(), ActorWithoutSubject> {
        self.check()
    }

    fn save(scoped: &Scoped<'_>, change: &Change<Self>, _at: UnixMillis, statements: &mut Statements) {
        match (&change.before, &change.after) {
            (None, None) => {}
            (None, Some(after)) => statements.lock(after.key(), scoped.insert_ticket(after)),
            (Some(before), after) => {
                statements.lock(before.key(), scoped.settle_ticket(before, after.as_ref()));
            }
        }
    }
}

impl Scoped<'_> {
    /// A ticket by its id.
    ///
    /// # Errors
    /// The database does not answer, or the row is damaged.
    pub async fn ticket(&self, id: &str, deadline: Instant) -> Result<Option<Ticket>, StoreError> {
        self.load(id, deadline).await
    }

    /// A ticket by the digest of its secret.
    ///
    /// # Errors
    /// The database does not answer, or the row is damaged.
    pub async fn ticket_by_digest(
        &self,
        digest: &str,
        deadline: Instant,
    ) -> Result<Option<Ticket>, StoreError> {
        let query = Query::new(
            concat!("SELECT ", ticket_columns!(), " FROM tickets WHERE instance_id = $1 AND digest = $2"),
            vec![self.instance.as_str().into(), digest.into()],
        );
        let rows = self.store.rows(Reach::Point, query, deadline).await?;
        rows.into_iter().next().map(ticket_from).transpose()
    }

    /// Only while the user is there: of one who is deleted at the same time nothing may be left.
    fn insert_ticket(&self, ticket: &Ticket) -> Stmt {
        let (purpose, actor, session_seconds_max) = match &ticket.purpose {
            Purpose::SignIn => ("sign_in", None, None),
            Purpose::Actor { actor, session_seconds_max } => {
                ("actor", Some(actor), Some(*session_seconds_max))
            }
        };
        Stmt::new(
            "INSERT INTO tickets (instance_id, id, version, purpose, user_id, digest, status, actor, session_seconds_max,
                expire_at, created_at, updated_at)
             SELECT $1, $2, CAST($3 AS BIGINT), $4, $5, $6, $7, $8, CAST($9 AS BIGINT), CAST($10 AS BIGINT),
                CAST($11 AS BIGINT), CAST($12 AS BIGINT)
             FROM users WHERE instance_id = $1 AND id = $5",
            vec![
                self.instance.as_str().into(),
                ticket.id.as_str().into(),
                ticket.version.into(),
                purpose.into(),
                ticket.user_id.as_str().into(),
                ticket.digest.as_str().into(),
                ticket.status.as_str().into(),
                actor.map(Object::to_text).into(),
                session_seconds_max.into(),
                ticket.expire_at.into(),
                ticket.created_at.into(),
                ticket.updated_at.into(),
            ],
        )
        .expect(1, Conflict::Stale)
        .on_unique(Conflict::Stale)
    }

    /// Of a ticket only its status ever changes, and only from pending: of many who use it at the same time one does.
    fn settle_ticket(&self, before: &Ticket, after: Option<&Ticket>) -> Stmt {
        let key: Vec<Value> =
            vec![self.instance.as_str().into(), before.id.as_str().into(), before.version.into()];
        let statement = match after {
            None => Stmt::new("DELETE FROM tickets WHERE instance_id = $1 AND id = $2 AND version = $3", key),
            Some(after) => {
                let mut params = key;
                params.extend([after.version.into(), after.status.as_str().into(), after.updated_at.into()]);
                Stmt::new(
                    "UPDATE tickets SET version = $4, status = $5, updated_at = $6
                     WHERE instance_id = $1 AND id = $2 AND version = $3 AND status = 'pending'",
                    params,
                )
            }
        };
        statement.expect(1, Conflict::Stale)
    }
}

fn ticket_from(row: Row) -> Result<Ticket, StoreError> {
    let mut columns = Columns::new("tickets", row);
    let id = columns.id("id")?;
    let version = columns.int("version")?;
    let purpose = columns.text("purpose")?;
    let user_id = columns.text("user_id")?.into();
    let digest = columns.text("digest")?;
    let status = columns.text("status")?;
    let status = TicketStatus::parse(&status).ok_or_else(|| columns.corrupt("status"))?;
    let actor = object(&mut columns, "actor")?;
    let purpose = match (purpose.as_str(), actor, columns.optional_int("session_seconds_max")?) {
        ("sign_in", None, None) => Purpose::SignIn,
        ("actor", Some(actor), Some(session_seconds_max)) => Purpose::Actor { actor, session_seconds_max },
        _ => return Err(columns.corrupt("purpose")),
    };
    let ticket = Ticket {
        id,
        version,
        purpose,
        user_id,
        digest,
        status,
        expire_at: UnixMillis(columns.int("expire_at")?),
        created_at: UnixMillis(columns.int("created_at")?),
        updated_at: UnixMillis(columns.int("updated_at")?),
    };
    ticket.checked()
}
