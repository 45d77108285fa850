//! What instances are set to, as rows: only what differs from the defaults is stored.

use crate::aggregate::{Aggregate, Statements};
use crate::db::{Columns, Query, Row, Stmt};
use crate::{AggregateKey, AggregateKind, Change, Conflict, Scoped, StoreError};
use std::time::Instant;
use verger_core::Settings;
use verger_core::session::SessionRules;
use verger_core::settings::BrokenSettings;
use verger_wire::UnixMillis;
use verger_wire::settings::SettingsDocument;

impl Aggregate for Settings {
    const KIND: AggregateKind = AggregateKind::Settings;
    const TABLE: &'static str = "instance_settings";
    type Broken = BrokenSettings;

    fn id(&self) -> &str {
        self.instance_id.as_str()
    }

    fn load(_scoped: &Scoped<'_>, id: &str) -> Vec<Query> {
        vec![Query::new(
            "SELECT instance_id, version, document, updated_at FROM instance_settings WHERE instance_id = $1",
            vec![id.into()],
        )]
    }

    fn read(answers: Vec<Vec<Row>>) -> Result<Option<Self>, StoreError> {
        answers.into_iter().flatten().next().map(settings_from).transpose()
    }

    fn check(&self) -> Result<(), BrokenSettings> {
        self.check()
    }

    /// Settings that nobody has changed have no row, and are never removed.
    fn save(scoped: &Scoped<'_>, change: &Change<Self>, at: UnixMillis, statements: &mut Statements) {
        let Some(after) = &change.after else { return };
        let before = change.before.as_ref().map_or(0, |before| before.version);
        let mut params = vec![
            scoped.instance.as_str().into(),
            after.version.into(),
            serde_json::Value::Object(after.differing()).to_string().into(),
            after.updated_at.unwrap_or(UnixMillis(0)).into(),
        ];
        let statement = if before == 0 {
            Stmt::new(
                "INSERT INTO instance_settings (instance_id, version, document, updated_at) VALUES ($1, $2, $3, $4)",
                params,
            )
            .on_unique(Conflict::Stale)
        } else {
            params.push(before.into());
            Stmt::new(
                "UPDATE instance_settings SET version = $2, document = $3, updated_at = $4
                 WHERE instance_id = $1 AND version = $5",
                params,
            )
            .expect(1, Conflict::Stale)
        };
        statements.lock(AggregateKey::settings(scoped.instance), statement);
        let defaults = SettingsDocument::default();
        let before = change.before.as_ref().map_or(&defaults, |before| &before.document);
        let (before, after) = (SessionRules::of(before), SessionRules::of(&after.document));
        if before.are_outlived_by(&after) {
            statements.push(scoped.bind_outlived_sessions(&before, at));
        }
    }
}

impl Scoped<'_> {
    /// What the instance is set to; the defaults if nobody has changed anything.
    ///
    /// # Errors
    /// The database does not answer, or the row is damaged.
    pub async fn settings(&self, deadline: Instant) -> Result<Settings, StoreError> {
        let found = self.load::<Settings>(self.instance.as_str(), deadline).await?;
        Ok(found.unwrap_or_else(|| Settings::defaults(self.instance.clone())))
    }
}

fn settings_from(row: Row) -> Result<Settings, StoreError> {
    let mut columns = Columns::new("instance_settings", row);
    let settings = Settings {
        instance_id: columns.id("instance_id")?.into(),
        version: columns.int("version")?,
        document: {
            let text = columns.text("document")?;
            serde_json::from_str(&text).map_err(|_| columns.corrupt("document"))?
        },
        updated_at: Some(UnixMillis(columns.int("updated_at")?)),
    };
    settings.checked()
}
