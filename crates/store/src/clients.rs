//! Clients as rows.

use crate::aggregate::{Aggregate, Statements};
use crate::db::{Columns, Query, Reach, Row, Stmt, Value};
use crate::long_reads::Bound;
use crate::{AggregateKind, Change, Conflict, Scoped, StoreError};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;
use verger_core::Client;
use verger_core::client::{BrokenClient, ClientSecret, ReplacedSecret, SecretDigest};
use verger_core::session::Proofs;
use verger_wire::{ClientId, SessionId, UnixMillis, UserId};

const CLIENT_COLUMNS: &str = "c.id, c.version, c.secret, c.secret_issued_at, c.secret_presented_at, c.replaced, c.sign_in_id,
     c.sign_up_id, c.last_active_session_id, c.last_authentication_strategy, c.signed_at, c.created_at, c.updated_at";

/// A replaced secret in the text of a row.
#[derive(Serialize, Deserialize)]
struct ReplacedForm {
    digest: String,
    replaced_at: i64,
    ends_at: Option<i64>,
    /// By session, when each factor was proved.
    sessions: BTreeMap<String, [Option<i64>; 2]>,
}

impl Aggregate for Client {
    const KIND: AggregateKind = AggregateKind::Client;
    const TABLE: &'static str = "clients";
    type Broken = BrokenClient;

    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn load(scoped: &Scoped<'_>, id: &str) -> Vec<Query> {
        vec![scoped.client_query(&id.into())]
    }

    fn read(answers: Vec<Vec<Row>>) -> Result<Option<Self>, StoreError> {
        Ok(clients_from(answers.into_iter().flatten().collect())?.pop())
    }

    fn check(&self) -> Result<(), BrokenClient> {
        self.check()
    }

    fn save(scoped: &Scoped<'_>, change: &Change<Self>, _at: UnixMillis, statements: &mut Statements) {
        match (&change.before, &change.after) {
            (None, None) => return,
            (None, Some(after)) => statements.lock(after.key(), scoped.insert_client(after)),
            (Some(before), None) => statements.lock(before.key(), scoped.delete_client(before)),
            (Some(before), Some(after)) => statements.lock(after.key(), scoped.update_client(before, after)),
        }
        scoped.write_client_secrets(change, statements);
    }
}

impl Scoped<'_> {
    /// A client by its id.
    ///
    /// # Errors
    /// The database does not answer, or the row is damaged.
    pub async fn client(&self, id: &ClientId, deadline: Instant) -> Result<Option<Client>, StoreError> {
        self.load(id.as_str(), deadline).await
    }

    /// The client that has this secret, or had it and has not forgotten it.
    ///
    /// # Errors
    /// The database does not answer, or the row is damaged.
    pub async fn client_by_secret(
        &self,
        secret: &SecretDigest,
        deadline: Instant,
    ) -> Result<Option<Client>, StoreError> {
        let query = Query::new(
            format!(
                "SELECT {CLIENT_COLUMNS} FROM client_secrets s
                 JOIN clients c ON c.instance_id = s.instance_id AND c.id = s.client_id
                 WHERE s.instance_id = $1 AND s.digest = $2"
            ),
            vec![self.instance.as_str().into(), secret.0.as_str().into()],
        );
        Ok(clients_from(self.store.rows(Reach::Point, query, deadline).await?)?.pop())
    }

    /// What clients remember of a user who is about to be deleted: those with replaced secrets on which the user has, or had,
    /// sessions; and all sessions of the user.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub async fn clients_remembering(
        &self,
        user: &UserId,
        deadline: Instant,
    ) -> Result<(Vec<Client>, BTreeSet<SessionId>), StoreError> {
        let of_user: Vec<Value> = vec![self.instance.as_str().into(), user.as_str().into()];
        let clients = Query::new(
            format!(
                "SELECT {CLIENT_COLUMNS} FROM clients c WHERE c.instance_id = $1 AND c.replaced <> '[]'
                    AND c.id IN (SELECT client_id FROM sessions WHERE instance_id = $1 AND user_id = $2)"
            ),
            of_user.clone(),
        );
        let sessions = Query::new("SELECT id FROM sessions WHERE instance_id = $1 AND user_id = $2", of_user);
        let mut answers = self.store.db.snapshot(Reach::Point, vec![clients, sessions], deadline).await?;
        let sessions = answers.pop().unwrap_or_default().into_iter();
        let sessions = sessions.map(|row| Ok(Columns::new("sessions", row).id("id")?.into()));
        let clients = clients_from(answers.pop().unwrap_or_default())?;
        Ok((clients, sessions.collect::<Result<_, StoreError>>()?))
    }

    /// A page of clients, the newest first, and how many there are.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub async fn clients(
        &self,
        limit: i64,
        offset: i64,
        deadline: Instant,
    ) -> Result<(Vec<Client>, i64), StoreError> {
        let page = Query::new(
            format!(
                "SELECT {CLIENT_COLUMNS} FROM clients c WHERE c.instance_id = $1
                 ORDER BY c.created_at DESC, c.id DESC LIMIT $2 OFFSET $3"
            ),
            vec![self.instance.as_str().into(), limit.into(), offset.into()],
        );
        let count = Query::new(
            "SELECT COUNT(*) FROM clients WHERE instance_id = $1",
            vec![self.instance.as_str().into()],
        );
        let rows = self.read(Bound::Rows(limit.saturating_add(offset)), page, deadline).await?;
        let count = self.read(Bound::None, count, deadline).await?.pop().unwrap_or_default();
        Ok((clients_from(rows)?, Columns::new("clients", count).int("count")?))
    }

    pub(crate) fn client_query(&self, id: &ClientId) -> Query {
        Query::new(
            format!("SELECT {CLIENT_COLUMNS} FROM clients c WHERE c.instance_id = $1 AND c.id = $2"),
            vec![self.instance.as_str().into(), id.as_str().into()],
        )
    }

    fn insert_client(&self, client: &Client) -> Stmt {
        let mut params =
            vec![self.instance.as_str().into(), client.id.as_str().into(), client.version.into()];
        params.extend(state_values(client));
        params.push(client.created_at.into());
        Stmt::new(
            "INSERT INTO clients (instance_id, id, version, secret, secret_issued_at, secret_presented_at, replaced,
                sign_in_id, sign_up_id, last_active_session_id, last_authentication_strategy, signed_at, updated_at,
                created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
            params,
        )
        .on_unique(Conflict::Stale)
    }

    fn update_client(&self, before: &Client, after: &Client) -> Stmt {
        let mut params = vec![self.instance.as_str().into(), after.id.as_str().into(), before.version.into()];
        params.extend(state_values(after));
        params.push(after.version.into());
        Stmt::new(
            "UPDATE clients SET secret = $4, secret_issued_at = $5, secret_presented_at = $6, replaced = $7,
                sign_in_id = $8, sign_up_id = $9, last_active_session_id = $10, last_authentication_strategy = $11,
                signed_at = $12, updated_at = $13, version = $14
             WHERE instance_id = $1 AND id = $2 AND version = $3",
            params,
        )
        .expect(1, Conflict::Stale)
    }

    fn delete_client(&self, client: &Client) -> Stmt {
        Stmt::new(
            "DELETE FROM clients WHERE instance_id = $1 AND id = $2 AND version = $3",
            vec![self.instance.as_str().into(), client.id.as_str().into(), client.version.into()],
        )
        .expect(1, Conflict::Stale)
    }

    fn write_client_secrets(&self, change: &Change<Client>, statements: &mut Statements) {
        let digests = |client: &Option<Client>| -> Vec<SecretDigest> {
            client.as_ref().map(|client| client.digests().cloned().collect()).unwrap_or_default()
        };
        let (before, after) = (digests(&change.before), digests(&change.after));
        let Some(client) = change.after.as_ref().or(change.before.as_ref()) else { return };
        for gone in before.iter().filter(|digest| !after.contains(digest)) {
            statements.push(Stmt::new(
                "DELETE FROM client_secrets WHERE instance_id = $1 AND digest = $2",
                vec![self.instance.as_str().into(), gone.0.as_str().into()],
            ));
        }
        for new in after.iter().filter(|digest| !before.contains(digest)) {
            statements.push(
                Stmt::new(
                    "INSERT INTO client_secrets (instance_id, digest, client_id) VALUES ($1, $2, $3)",
                    vec![self.instance.as_str().into(), new.0.as_str().into(), client.id.as_str().into()],
                )
                .on_unique(Conflict::Stale),
            );
        }
    }
}

fn state_values(client: &Client) -> Vec<Value> {
    let replaced: Vec<_> = client.replaced.iter().map(form_of).collect();
    vec![
        client.secret.digest.0.as_str().into(),
        client.secret.issued_at.into(),
        client.secret.presented_at.into(),
        // Numbers and texts: nothing that JSON does not take.
        serde_json::to_string(&replaced).unwrap_or_default().into(),
        client.sign_in_id.as_deref().into(),
        client.sign_up_id.as_deref().into(),
        client.last_active_session_id.as_ref().map(SessionId::as_str).into(),
        client.last_authentication_strategy.as_deref().into(),
        client.signed_at.into(),
        client.updated_at.into(),
    ]
}

fn form_of(replaced: &ReplacedSecret) -> ReplacedForm {
    let moments = |proofs: &Proofs| [proofs.first.map(|at| at.0), proofs.second.map(|at| at.0)];
    ReplacedForm {
        digest: replaced.digest.0.clone(),
        replaced_at: replaced.replaced_at.0,
        ends_at: replaced.ends_at.map(|at| at.0),
        sessions: replaced.sessions.iter().map(|(id, proofs)| (id.to_string(), moments(proofs))).collect(),
    }
}

impl From<ReplacedForm> for ReplacedSecret {
    fn from(form: ReplacedForm) -> Self {
        let proofs = |[first, second]: [Option<i64>; 2]| Proofs {
            first: first.map(UnixMillis),
            second: second.map(UnixMillis),
        };
        let sessions = form.sessions.into_iter().map(|(id, moments)| (id.into(), proofs(moments)));
        Self {
            digest: SecretDigest(form.digest),
            replaced_at: UnixMillis(form.replaced_at),
            ends_at: form.ends_at.map(UnixMillis),
            sessions: sessions.collect(),
        }
    }
}

fn clients_from(rows: Vec<Row>) -> Result<Vec<Client>, StoreError> {
    rows.into_iter().map(client_from).collect()
}

fn client_from(row: Row) -> Result<Client, StoreError> {
    let mut columns = Columns::new("clients", row);
    let client = Client {
        id: columns.id("id")?.into(),
        version: columns.int("version")?,
        secret: ClientSecret {
            digest: SecretDigest(columns.text("secret")?),
            issued_at: UnixMillis(columns.int("secret_issued_at")?),
            presented_at: columns.optional_int("secret_presented_at")?.map(UnixMillis),
        },
        replaced: {
            let text = columns.text("replaced")?;
            let forms: Vec<ReplacedForm> =
                serde_json::from_str(&text).map_err(|_| columns.corrupt("replaced"))?;
            forms.into_iter().map(Into::into).collect()
        },
        sign_in_id: columns.optional_text("sign_in_id")?,
        sign_up_id: columns.optional_text("sign_up_id")?,
        last_active_session_id: columns.optional_text("last_active_session_id")?.map(Into::into),
        last_authentication_strategy: columns.optional_text("last_authentication_strategy")?,
        signed_at: UnixMillis(columns.int("signed_at")?),
        created_at: UnixMillis(columns.int("created_at")?),
        updated_at: UnixMillis(columns.int("updated_at")?),
    };
    client.checked()
}
