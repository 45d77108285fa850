//! Looks for damage, table by table.

use super::connection::SCAN_STEPS;
use super::errors::classify;
use crate::{Inspection, StoreError};
use rusqlite::{Connection, ErrorCode};
use std::time::Instant;

/// Findings that are reported for one table.
pub(super) const DAMAGE_MAX: usize = 3;

pub(super) fn look_through(connection: &mut Connection, deadline: Instant) -> Result<Inspection, StoreError> {
    // The schema itself may be what cannot be read: then there is nothing to name.
    let names = connection
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
        .and_then(|mut names| {
            names.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()
        })
        .map_err(classify)?;
    let mut found = Inspection { tables: names.len(), ..Inspection::default() };
    let is_over = move || Instant::now() >= deadline;
    connection.progress_handler(SCAN_STEPS, Some(is_over)).map_err(classify)?;
    for name in names {
        let check = format!("PRAGMA quick_check(\"{}\")", name.replace('"', "\"\""));
        let said = connection.prepare(&check).and_then(|mut check| {
            check
                .query_map([], |row| row.get::<_, String>(0))?
                .take(DAMAGE_MAX)
                .collect::<Result<Vec<_>, _>>()
        });
        let damage = match said {
            Ok(said) => said.into_iter().filter(|line| line != "ok").collect(),
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => break,
            Err(error) => vec![error.to_string()],
        };
        found.damage.extend(damage.into_iter().map(|what| format!("table {name}: {what}")));
        found.looked_at += 1;
    }
    connection.progress_handler(0, None::<fn() -> bool>).map_err(classify)?;
    Ok(found)
}
