//! JWT templates as rows.

use crate::aggregate::{Aggregate, Statements};
use crate::db::{Columns, Query, Reach, Row, Stmt, Value};
use crate::long_reads::Bound;
use crate::sessions::object;
use crate::{AggregateKey, AggregateKind, Change, Conflict, Scoped, StoreError};
use std::time::Instant;
use verger_core::JwtTemplate;
use verger_core::jwt_template::{BrokenTemplate, SigningKey, TEMPLATES_MAX};
use verger_wire::{JwtTemplateId, UnixMillis};

/// The scope of the limit on templates of an instance.
const TEMPLATES_SCOPE: &str = "JWT templates";

/// The columns of a template, in the order in which [`template_from`] reads them.
macro_rules! template_columns {
    () => {
        "t.id, t.version, t.name, t.claims, t.lifetime_seconds, t.clock_skew_seconds, t.signing_algorithm, t.signing_key,
         t.created_at, t.updated_at"
    };
}

pub(crate) use template_columns;

/// How many there are.
pub(crate) const TEMPLATE_COLUMN_COUNT: usize = 10;

impl Aggregate for JwtTemplate {
    const KIND: AggregateKind = AggregateKind::JwtTemplate;
    const TABLE: &'static str = "jwt_templates";
    type Broken = BrokenTemplate;

    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn load(scoped: &Scoped<'_>, id: &str) -> Vec<Query> {
        vec![Query::new(
            concat!(
                "SELECT ",
                template_columns!(),
                " FROM jwt_templates t WHERE t.instance_id = $1 AND t.id = $2"
            ),
            vec![scoped.instance.as_str().into(), id.into()],
        )]
    }

    fn read(answers: Vec<Vec<Row>>) -> Result<Option<Self>, StoreError> {
        answers.into_iter().flatten().next().map(template_from).transpose()
    }

    fn check(&self) -> Result<(), BrokenTemplate> {
        self.check()
    }

    fn save(scoped: &Scoped<'_>, change: &Change<Self>, _at: UnixMillis, statements: &mut Statements) {
        match (&change.before, &change.after) {
            (None, None) => {}
            (None, Some(after)) => {
                // Only one at a time counts and adds.
                statements.lock_once(AggregateKey::instance(scoped.instance), || scoped.lock_instance());
                statements.lock(after.key(), scoped.insert_template(after));
            }
            (Some(before), None) => {
                let delete = Stmt::new(
                    "DELETE FROM jwt_templates WHERE instance_id = $1 AND id = $2 AND version = $3",
                    vec![scoped.instance.as_str().into(), before.id.as_str().into(), before.version.into()],
                );
                statements.lock(before.key(), delete.expect(1, Conflict::Stale));
            }
            (Some(before), Some(after)) => {
                statements.lock(after.key(), scoped.update_template(before, after));
            }
        }
    }
}

impl Scoped<'_> {
    /// A template by its id.
    ///
    /// # Errors
    /// The database does not answer, or the row is damaged.
    pub async fn jwt_template(
        &self,
        id: &JwtTemplateId,
        deadline: Instant,
    ) -> Result<Option<JwtTemplate>, StoreError> {
        self.load(id.as_str(), deadline).await
    }

    /// A template by its name.
    ///
    /// # Errors
    /// The database does not answer, or the row is damaged.
    pub async fn jwt_template_by_name(
        &self,
        name: &str,
        deadline: Instant,
    ) -> Result<Option<JwtTemplate>, StoreError> {
        let query = Query::new(
            concat!(
                "SELECT ",
                template_columns!(),
                " FROM jwt_templates t WHERE t.instance_id = $1 AND t.name = $2"
            ),
            vec![self.instance.as_str().into(), name.into()],
        );
        let rows = self.store.rows(Reach::Point, query, deadline).await?;
        rows.into_iter().next().map(template_from).transpose()
    }

    /// A page of the templates, the newest first, and how many there are.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub async fn jwt_templates(
        &self,
        limit: i64,
        offset: i64,
        deadline: Instant,
    ) -> Result<(Vec<JwtTemplate>, i64), StoreError> {
        let page = Query::new(
            concat!(
                "SELECT ",
                template_columns!(),
                " FROM jwt_templates t WHERE t.instance_id = $1
                 ORDER BY t.created_at DESC, t.id DESC LIMIT $2 OFFSET $3"
            ),
            vec![self.instance.as_str().into(), limit.into(), offset.into()],
        );
        let count = Query::new(
            "SELECT COUNT(*) FROM jwt_templates WHERE instance_id = $1",
            vec![self.instance.as_str().into()],
        );
        let bound = Bound::Rows(templates_max());
        let templates = self.read(bound, page, deadline).await?;
        let count = self.read(bound, count, deadline).await?.pop().unwrap_or_default();
        let templates = templates.into_iter().map(template_from).collect::<Result<_, _>>()?;
        Ok((templates, Columns::new("jwt_templates", count).int("count")?))
    }

    fn insert_template(&self, template: &JwtTemplate) -> Stmt {
        let mut params = vec![self.instance.as_str().into(), template.id.as_str().into()];
        params.extend(state_values(template));
        params.extend([template.created_at.into(), templates_max().into()]);
        Stmt::new(
            "INSERT INTO jwt_templates (instance_id, id, version, name, claims, lifetime_seconds, clock_skew_seconds,
                signing_algorithm, signing_key, updated_at, created_at)
             SELECT $1, $2, CAST($3 AS BIGINT), $4, $5, CAST($6 AS BIGINT), CAST($7 AS BIGINT), $8, $9,
                CAST($10 AS BIGINT), CAST($11 AS BIGINT)
             WHERE (SELECT COUNT(*) FROM jwt_templates WHERE instance_id = $1) < $12",
            params,
        )
        .expect(1, Conflict::LimitReached(TEMPLATES_SCOPE))
        .on_unique(Conflict::Duplicate)
    }

    fn update_template(&self, before: &JwtTemplate, after: &JwtTemplate) -> Stmt {
        let mut params = vec![self.instance.as_str().into(), after.id.as_str().into()];
        params.extend(state_values(after));
        params.push(before.version.into());
        Stmt::new(
            "UPDATE jwt_templates SET version = $3, name = $4, claims = $5, lifetime_seconds = $6,
                clock_skew_seconds = $7, signing_algorithm = $8, signing_key = $9, updated_at = $10
             WHERE instance_id = $1 AND id = $2 AND version = $11",
            params,
        )
        .expect(1, Conflict::Stale)
        .on_unique(Conflict::Duplicate)
    }
}

fn templates_max() -> i64 {
    i64::try_from(TEMPLATES_MAX).unwrap_or(i64::MAX)
}

fn state_values(template: &JwtTemplate) -> Vec<Value> {
    let key = template.signing_key.as_ref();
    vec![
        template.version.into(),
        template.name.as_str().into(),
        template.claims.to_text().into(),
        template.lifetime_seconds.into(),
        template.clock_skew_seconds.into(),
        key.map(|key| key.algorithm.as_str()).into(),
        key.map(|key| key.sealed.as_str()).into(),
        template.updated_at.into(),
    ]
}

pub(crate) fn template_from(row: Row) -> Result<JwtTemplate, StoreError> {
    let mut columns = Columns::new("jwt_templates", row);
    let id: JwtTemplateId = columns.id("id")?.into();
    let version = columns.int("version")?;
    let name = columns.text("name")?;
    let claims = object(&mut columns, "claims")?.ok_or_else(|| columns.corrupt("claims"))?;
    let lifetime_seconds = columns.int("lifetime_seconds")?;
    let clock_skew_seconds = columns.int("clock_skew_seconds")?;
    let algorithm = columns.optional_text("signing_algorithm")?;
    let signing_key = match (algorithm, columns.optional_text("signing_key")?) {
        (None, None) => None,
        (Some(algorithm), Some(sealed)) => Some(SigningKey { algorithm, sealed }),
        _ => return Err(columns.corrupt("signing_key")),
    };
    let template = JwtTemplate {
        id,
        version,
        name,
        claims,
        lifetime_seconds,
        clock_skew_seconds,
        signing_key,
        created_at: UnixMillis(columns.int("created_at")?),
        updated_at: UnixMillis(columns.int("updated_at")?),
    };
    template.checked()
}
