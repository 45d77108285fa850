//! URLs that native applications may be sent back to, as rows.

use crate::aggregate::{Aggregate, Statements};
use crate::db::{Columns, Query, Row, Stmt};
use crate::long_reads::Bound;
use crate::{AggregateKey, AggregateKind, Change, Conflict, Scoped, StoreError};
use std::time::Instant;
use verger_core::RedirectUrl;
use verger_core::redirect_url::{BrokenUrl, REDIRECT_URLS_MAX};
use verger_wire::{RedirectUrlId, UnixMillis};

/// The scope of the limit on URLs of an instance.
const URLS_SCOPE: &str = "redirect URLs";

impl Aggregate for RedirectUrl {
    const KIND: AggregateKind = AggregateKind::RedirectUrl;
    const TABLE: &'static str = "redirect_urls";
    type Broken = BrokenUrl;

    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn load(scoped: &Scoped<'_>, id: &str) -> Vec<Query> {
        vec![Query::new(
            "SELECT id, url, created_at, updated_at FROM redirect_urls WHERE instance_id = $1 AND id = $2",
            vec![scoped.instance.as_str().into(), id.into()],
        )]
    }

    fn read(answers: Vec<Vec<Row>>) -> Result<Option<Self>, StoreError> {
        answers.into_iter().flatten().next().map(url_from).transpose()
    }

    fn check(&self) -> Result<(), BrokenUrl> {
        self.check()
    }

    /// URLs are added and removed, and never change.
    fn save(scoped: &Scoped<'_>, change: &Change<Self>, _at: UnixMillis, statements: &mut Statements) {
        match (&change.before, &change.after) {
            (None, Some(after)) => {
                // Only one at a time counts and adds.
                statements.lock_once(AggregateKey::instance(scoped.instance), || scoped.lock_instance());
                statements.lock(after.key(), scoped.insert_redirect_url(after));
            }
            (Some(before), None) => {
                let delete = Stmt::new(
                    "DELETE FROM redirect_urls WHERE instance_id = $1 AND id = $2",
                    vec![scoped.instance.as_str().into(), before.id.as_str().into()],
                );
                statements.lock(before.key(), delete.expect(1, Conflict::Stale));
            }
            (None, None) | (Some(_), Some(_)) => {}
        }
    }
}

impl Scoped<'_> {
    /// One URL.
    ///
    /// # Errors
    /// The database does not answer, or the row is damaged.
    pub async fn redirect_url(
        &self,
        id: &RedirectUrlId,
        deadline: Instant,
    ) -> Result<Option<RedirectUrl>, StoreError> {
        self.load(id.as_str(), deadline).await
    }

    /// URLs, the newest first, and how many there are.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub async fn redirect_urls(
        &self,
        limit: i64,
        offset: i64,
        deadline: Instant,
    ) -> Result<(Vec<RedirectUrl>, i64), StoreError> {
        let page = Query::new(
            "SELECT id, url, created_at, updated_at FROM redirect_urls WHERE instance_id = $1
             ORDER BY created_at DESC, id DESC LIMIT $2 OFFSET $3",
            vec![self.instance.as_str().into(), limit.into(), offset.into()],
        );
        let count = Query::new(
            "SELECT COUNT(*) FROM redirect_urls WHERE instance_id = $1",
            vec![self.instance.as_str().into()],
        );
        let urls = self.read(Bound::Rows(REDIRECT_URLS_MAX), page, deadline).await?;
        let count = self.count_of("redirect_urls", count, deadline).await?;
        Ok((urls.into_iter().map(url_from).collect::<Result<_, _>>()?, count))
    }

    fn insert_redirect_url(&self, url: &RedirectUrl) -> Stmt {
        Stmt::new(
            "INSERT INTO redirect_urls (instance_id, id, url, created_at, updated_at)
             SELECT $1, $2, $3, CAST($4 AS BIGINT), CAST($5 AS BIGINT)
             WHERE (SELECT COUNT(*) FROM redirect_urls WHERE instance_id = $1) < $6",
            vec![
                self.instance.as_str().into(),
                url.id.as_str().into(),
                url.url.as_str().into(),
                url.created_at.into(),
                url.updated_at.into(),
                REDIRECT_URLS_MAX.into(),
            ],
        )
        .expect(1, Conflict::LimitReached(URLS_SCOPE))
        .on_unique(Conflict::Duplicate)
    }
}

fn url_from(row: Row) -> Result<RedirectUrl, StoreError> {
    let mut columns = Columns::new("redirect_urls", row);
    let url = RedirectUrl {
        id: columns.id("id")?.into(),
        url: columns.text("url")?,
        created_at: UnixMillis(columns.int("created_at")?),
        updated_at: UnixMillis(columns.int("updated_at")?),
    };
    url.checked()
}
