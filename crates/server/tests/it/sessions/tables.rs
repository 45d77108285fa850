//! A server whose database can be read by those who have only that.

use crate::support::TestApp;
use serde_json::Value;
use std::collections::BTreeMap;
use tempfile::TempDir;
use verger_server::Messaging;
use verger_store::Store;
use verger_testdb::Cluster;

/// Where the rows are.
pub(super) enum Tables {
    File(TempDir),
    Database(&'static Cluster, String),
}

/// Every value of every row, as text, by table.
pub(super) type Rows = BTreeMap<String, Vec<Vec<String>>>;

impl Tables {
    /// A server and its tables, on the database that `VERGER_TEST_STORE` names.
    pub(super) async fn of_a_server() -> (TestApp, Self) {
        let (store, tables) = if std::env::var_os("VERGER_TEST_STORE").is_some() {
            let cluster = Cluster::shared().expect("PostgreSQL is on this machine");
            let database = cluster.database();
            let store = Store::open_url(&cluster.url(&database), super::far()).await.unwrap();
            (store, Self::Database(cluster, database))
        } else {
            let folder = tempfile::tempdir().unwrap();
            (Store::open(&folder.path().join("verger.db")).unwrap(), Self::File(folder))
        };
        (TestApp::on(store, Messaging::development().unwrap()).await, tables)
    }

    pub(super) fn rows(&self) -> Rows {
        match self {
            Self::File(folder) => rows_of_file(&folder.path().join("verger.db")),
            Self::Database(cluster, database) => rows_of_database(cluster, database),
        }
    }
}

fn rows_of_file(path: &std::path::Path) -> Rows {
    let database = rusqlite::Connection::open(path).unwrap();
    let names =
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'";
    let mut tables = database.prepare(names).unwrap();
    let tables = tables.query_map([], |row| row.get::<_, String>(0)).unwrap();
    let mut all = Rows::new();
    for table in tables {
        let table = table.unwrap();
        let mut rows = database.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns = rows.column_count();
        let values = |row: &rusqlite::Row<'_>| {
            Ok((0..columns)
                .map(|at| match row.get_ref(at).unwrap() {
                    rusqlite::types::ValueRef::Null => String::new(),
                    rusqlite::types::ValueRef::Integer(number) => number.to_string(),
                    text => text.as_str().unwrap().to_owned(),
                })
                .collect())
        };
        let rows = rows.query_map([], values).unwrap().map(Result::unwrap).collect();
        all.insert(table, rows);
    }
    all
}

fn rows_of_database(cluster: &Cluster, database: &str) -> Rows {
    let names = cluster.sql(database, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'");
    let rows = |table: &str| {
        let rows = cluster.sql(database, &format!("SELECT row_to_json(one) FROM {table} one"));
        let values = |row: &str| {
            let row: Value = serde_json::from_str(row).unwrap();
            let values = row.as_object().unwrap().values();
            values
                .map(|value| match value {
                    Value::Null => String::new(),
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                })
                .collect()
        };
        rows.lines().map(values).collect()
    };
    names.lines().map(|table| (table.to_owned(), rows(table))).collect()
}

/// The tables in a row of which one of these texts stands.
pub(super) fn tables_with(rows: &Rows, texts: &[String]) -> Vec<String> {
    let has_one = |row: &Vec<String>| row.iter().any(|value| texts.iter().any(|text| value.contains(text)));
    let tables = rows.iter().filter(|(_, rows)| rows.iter().any(has_one));
    tables.map(|(table, _)| table.clone()).collect()
}
