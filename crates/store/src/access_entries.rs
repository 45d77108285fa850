//! Entries of the allow-list and the block-list as rows.

use crate::aggregate::{Aggregate, Statements};
use crate::db::{Columns, Query, Reach, Row, Stmt, Value};
use crate::long_reads::Bound;
use crate::{AggregateKey, AggregateKind, Change, Conflict, Scoped, StoreError};
use std::time::Instant;
use verger_core::AccessEntry;
use verger_core::access_list::{AccessKind, AccessList, BrokenEntry, ENTRIES_MAX};
use verger_wire::UnixMillis;

/// The scope of the limit on the entries of a list.
const ENTRIES_SCOPE: &str = "access entries";
const COLUMNS: &str = "id, list, identifier_type, identifier, invitation_id, created_at, updated_at";

impl Aggregate for AccessEntry {
    const KIND: AggregateKind = AggregateKind::AccessEntry;
    const TABLE: &'static str = "access_entries";
    type Broken = BrokenEntry;

    fn id(&self) -> &str {
        &self.id
    }

    fn load(scoped: &Scoped<'_>, id: &str) -> Vec<Query> {
        vec![Query::new(
            format!("SELECT {COLUMNS} FROM access_entries WHERE instance_id = $1 AND id = $2"),
            vec![scoped.instance.as_str().into(), id.into()],
        )]
    }

    fn read(answers: Vec<Vec<Row>>) -> Result<Option<Self>, StoreError> {
        answers.into_iter().flatten().next().map(entry_from).transpose()
    }

    fn check(&self) -> Result<(), BrokenEntry> {
        self.check()
    }

    /// Entries are added and removed, and never change.
    fn save(scoped: &Scoped<'_>, change: &Change<Self>, _at: UnixMillis, statements: &mut Statements) {
        match (&change.before, &change.after) {
            (None, Some(after)) => {
                // Only one at a time counts and adds.
                statements.lock_once(AggregateKey::instance(scoped.instance), || scoped.lock_instance());
                statements.lock(after.key(), scoped.insert_access_entry(after));
            }
            (Some(before), None) => {
                let delete = Stmt::new(
                    "DELETE FROM access_entries WHERE instance_id = $1 AND id = $2",
                    vec![scoped.instance.as_str().into(), before.id.as_str().into()],
                );
                statements.lock(before.key(), delete.expect(1, Conflict::Stale));
            }
            (None, None) | (Some(_), Some(_)) => {}
        }
    }
}

impl Scoped<'_> {
    /// One entry.
    ///
    /// # Errors
    /// The database does not answer, or the row is damaged.
    pub async fn access_entry(&self, id: &str, deadline: Instant) -> Result<Option<AccessEntry>, StoreError> {
        self.load(id, deadline).await
    }

    /// Entries of a list, the newest first, and how many there are.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub async fn access_entries(
        &self,
        list: AccessList,
        limit: i64,
        offset: i64,
        deadline: Instant,
    ) -> Result<(Vec<AccessEntry>, i64), StoreError> {
        let of_list: [Value; 2] = [self.instance.as_str().into(), list.as_str().into()];
        let page = Query::new(
            format!(
                "SELECT {COLUMNS} FROM access_entries WHERE instance_id = $1 AND list = $2
                 ORDER BY created_at DESC, id DESC LIMIT $3 OFFSET $4"
            ),
            of_list.iter().cloned().chain([limit.into(), offset.into()]).collect(),
        );
        let count = Query::new(
            "SELECT COUNT(*) FROM access_entries WHERE instance_id = $1 AND list = $2",
            of_list.to_vec(),
        );
        let entries = self.read(Bound::None, page, deadline).await?;
        let count = self.count_of("access_entries", count, deadline).await?;
        Ok((entries.into_iter().map(entry_from).collect::<Result<_, _>>()?, count))
    }

    /// The entries of both lists with one of these identifiers.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub async fn access_entries_about(
        &self,
        identifiers: &[String],
        deadline: Instant,
    ) -> Result<Vec<AccessEntry>, StoreError> {
        if identifiers.is_empty() {
            return Ok(Vec::new());
        }
        let places: Vec<_> = (0..identifiers.len()).map(|at| format!("${}", at + 2)).collect();
        let query = Query::new(
            format!(
                "SELECT {COLUMNS} FROM access_entries
                 WHERE instance_id = $1 AND list IN ('allow', 'block') AND identifier IN ({})",
                places.join(", ")
            ),
            std::iter::once(self.instance.as_str().into())
                .chain(identifiers.iter().map(|identifier| identifier.as_str().into()))
                .collect(),
        );
        self.store.rows(Reach::Point, query, deadline).await?.into_iter().map(entry_from).collect()
    }

    /// The one number that a query gives.
    pub(crate) async fn count_of(
        &self,
        table: &'static str,
        query: Query,
        deadline: Instant,
    ) -> Result<i64, StoreError> {
        let row = self.read(Bound::None, query, deadline).await?.pop().unwrap_or_default();
        Columns::new(table, row).int("count")
    }

    fn insert_access_entry(&self, entry: &AccessEntry) -> Stmt {
        Stmt::new(
            "INSERT INTO access_entries (instance_id, id, list, identifier_type, identifier, invitation_id, created_at,
                updated_at)
             SELECT $1, $2, $3, $4, $5, CAST($6 AS TEXT), CAST($7 AS BIGINT), CAST($8 AS BIGINT)
             WHERE (SELECT COUNT(*) FROM access_entries WHERE instance_id = $1 AND list = $3) < $9",
            vec![
                self.instance.as_str().into(),
                entry.id.as_str().into(),
                entry.list.as_str().into(),
                entry.kind.as_str().into(),
                entry.identifier.as_str().into(),
                entry.invitation_id.as_ref().map(|id| id.as_str()).into(),
                entry.created_at.into(),
                entry.updated_at.into(),
                ENTRIES_MAX.into(),
            ],
        )
        .expect(1, Conflict::LimitReached(ENTRIES_SCOPE))
        .on_unique(Conflict::Duplicate)
    }
}

fn entry_from(row: Row) -> Result<AccessEntry, StoreError> {
    let mut columns = Columns::new("access_entries", row);
    let entry = AccessEntry {
        id: columns.id("id")?,
        list: {
            let name = columns.text("list")?;
            AccessList::parse(&name).ok_or_else(|| columns.corrupt("list"))?
        },
        kind: {
            let name = columns.text("identifier_type")?;
            AccessKind::parse(&name).ok_or_else(|| columns.corrupt("identifier_type"))?
        },
        identifier: columns.text("identifier")?,
        invitation_id: columns.optional_text("invitation_id")?.map(Into::into),
        created_at: UnixMillis(columns.int("created_at")?),
        updated_at: UnixMillis(columns.int("updated_at")?),
    };
    entry.checked()
}
