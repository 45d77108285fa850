//! Values, statements and errors on their way to PostgreSQL and back.

use super::super::{Query, Row, Stmt, Value, with_tables};
use crate::StoreError;
use bytes::BytesMut;
use futures_util::TryStreamExt as _;
use std::error::Error as StdError;
use std::fmt::Write as _;
use std::pin::{Pin, pin};
use std::time::Instant;
use tokio_postgres::error::{Severity, SqlState};

use tokio_postgres::types::{Format, FromSql, IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, Error, Statement};

/// A statement in flight.
pub(super) type Request<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// Sends all requests at once, in this order, and then reads their answers.
///
/// A request is sent when it is first polled, and PostgreSQL answers in the order in which it was asked.
pub(super) async fn in_order<T>(mut requests: Vec<Request<'_, T>>) -> Vec<Result<T, Error>> {
    let mut answers: Vec<Option<Result<T, Error>>> = Vec::with_capacity(requests.len());
    std::future::poll_fn(|context| {
        for request in &mut requests {
            answers.push(match request.as_mut().poll(context) {
                std::task::Poll::Ready(answer) => Some(answer),
                std::task::Poll::Pending => None,
            });
        }
        std::task::Poll::Ready(())
    })
    .await;
    let mut all = Vec::with_capacity(requests.len());
    for (request, early) in requests.into_iter().zip(answers) {
        all.push(match early {
            Some(answer) => answer,
            None => request.await,
        });
    }
    all
}

/// Values travel as text, for which the server finds the type that the statement needs. So no statement has to name
/// one, prepared or not.
impl ToSql for Value {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        match self {
            // Never written; a row that has one is damaged and matches nothing.
            Self::Null | Self::Foreign => return Ok(IsNull::Yes),
            Self::Int(number) => write!(out, "{number}")?,
            // No row has such a text, so it finds as little as a null does.
            Self::Text(text) if text.contains('\0') => return Ok(IsNull::Yes),
            Self::Text(text) => out.extend_from_slice(text.as_bytes()),
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Value {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(match *kind {
            Type::INT8 => Self::Int(i64::from_be_bytes(raw.try_into()?)),
            Type::INT4 => Self::Int(i32::from_be_bytes(raw.try_into()?).into()),
            Type::INT2 => Self::Int(i16::from_be_bytes(raw.try_into()?).into()),
            Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN => {
                std::str::from_utf8(raw).map_or(Self::Foreign, Self::from)
            }
            _ => Self::Foreign,
        })
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Self::Null)
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// PostgreSQL keeps no such text.
pub(super) fn has_nul(value: &Value) -> bool {
    matches!(value, Value::Text(text) if text.contains('\0'))
}

/// Reads the rows of a query.
pub(super) async fn rows(
    client: &Client,
    statement: Option<&Statement>,
    query: &Query,
) -> Result<Vec<Row>, Error> {
    let rows = match statement {
        Some(statement) => client.query_raw(statement, &query.params).await?,
        None => {
            let params = query.params.iter().map(|value| (value, Type::UNKNOWN));
            client.query_typed_raw(&query.sql, params).await?
        }
    };
    let mut rows = pin!(rows);
    let mut found = Vec::new();
    while let Some(row) = rows.try_next().await? {
        found.push((0..row.len()).map(|column| row.try_get(column)).collect::<Result<_, _>>()?);
    }
    Ok(found)
}

/// How many rows a statement changed.
pub(super) async fn changed(
    client: &Client,
    statement: Option<&Statement>,
    written: &Stmt,
) -> Result<u64, Error> {
    match statement {
        Some(statement) => client.execute_raw(statement, &written.params).await,
        None => {
            let params: Vec<_> = written
                .params
                .iter()
                .map(|value| -> (&(dyn ToSql + Sync), Type) { (value, Type::UNKNOWN) })
                .collect();
            client.execute_typed(&written.sql, &params).await
        }
    }
}

/// Milliseconds until the deadline, at least 1: to PostgreSQL 0 means without end.
pub(super) fn remaining_ms(deadline: Instant) -> u128 {
    deadline.saturating_duration_since(Instant::now()).as_millis().max(1)
}

/// Why something did not happen, and what that says about the connection.
pub(super) struct Failure {
    pub(super) error: StoreError,
    /// Nobody should use it again.
    pub(super) is_connection_bad: bool,
    /// A read can begin again on another connection.
    pub(super) can_help_again: bool,
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self { error, is_connection_bad: true, can_help_again: false }
    }
}

impl Failure {
    pub(super) fn of(error: &Error) -> Self {
        let is_lost = is_lost(error);
        Self {
            error: classify(error),
            is_connection_bad: is_lost,
            can_help_again: is_lost || is_serialization(error),
        }
    }
}

/// The connection is gone, or is to a server that no longer is the one to write to.
pub(super) fn is_lost(error: &Error) -> bool {
    let Some(refused) = error.as_db_error() else { return true };
    // What ends a session is no plain error.
    if refused.parsed_severity() != Some(Severity::Error) {
        return true;
    }
    let code = refused.code();
    code.code().starts_with("08")
        || [
            SqlState::READ_ONLY_SQL_TRANSACTION,
            SqlState::ADMIN_SHUTDOWN,
            SqlState::CRASH_SHUTDOWN,
            SqlState::CANNOT_CONNECT_NOW,
            // A prepared statement that is not there, or no longer fits a table that was changed.
            SqlState::INVALID_SQL_STATEMENT_NAME,
            SqlState::FEATURE_NOT_SUPPORTED,
        ]
        .contains(code)
}

/// Two transactions were in each other's way, and this one was given up.
pub(super) fn is_serialization(error: &Error) -> bool {
    matches!(error.code(), Some(code) if *code == SqlState::T_R_SERIALIZATION_FAILURE || *code == SqlState::T_R_DEADLOCK_DETECTED)
}

/// What says of the server that it is no longer there or no longer the one to write to, and so of all its connections.
pub(super) fn tells_of_the_server(error: &Error) -> bool {
    let Some(refused) = error.as_db_error() else { return true };
    [
        SqlState::READ_ONLY_SQL_TRANSACTION,
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::CANNOT_CONNECT_NOW,
    ]
    .contains(refused.code())
}

/// Whether after this error of COMMIT the transaction is rolled back for certain.
///
/// A plain error of PostgreSQL itself always says so, but what stands between may speak for it, and what it says of lost
/// connections and disks is no word on the commit. So only what a transaction is refused for counts.
pub(super) fn is_undone_by_commit(error: &Error) -> bool {
    let Some(refused) = error.as_db_error() else { return false };
    refused.parsed_severity() == Some(Severity::Error) && is_undone_by_commit_with(refused.code().code())
}

/// The same, by SQLSTATE: data, integrity, an aborted transaction, rollbacks but for an unknown completion (40003), errors
/// of statements and deferred triggers, a lock that was not to be had.
fn is_undone_by_commit_with(code: &str) -> bool {
    let (class, _) = code.split_at_checked(2).unwrap_or((code, ""));
    match class {
        "21" | "22" | "23" | "27" | "42" | "44" | "P0" => true,
        "25" => code != "25006",
        "40" => code != "40003",
        "55" => code == "55P03",
        _ => false,
    }
}

/// What another attempt later can cure is `Unavailable`, and what no attempt can is `Damaged`; everything else is our own
/// mistake.
pub(super) fn classify(error: &Error) -> StoreError {
    let why = describe(error);
    let Some(code) = error.code() else { return StoreError::Unavailable(why) };
    // Data or an index that makes no sense, a file that is not there.
    if [SqlState::DATA_CORRUPTED, SqlState::INDEX_CORRUPTED, SqlState::UNDEFINED_FILE].contains(code) {
        return StoreError::Damaged(why);
    }
    let is_curable = is_lost(error)
        || is_serialization(error)
        // Out of connections, memory or disk; a lock; stopped; a broken disk; refused at the door.
        || ["53", "55", "57", "58", "XX", "28", "3D"].iter().any(|class| code.code().starts_with(class));
    if is_curable { StoreError::Unavailable(why) } else { StoreError::Bug(why) }
}

/// The same, and of what is damaged the tables among which it is.
pub(super) fn classify_of(error: &Error, sql: &str) -> StoreError {
    match classify(error) {
        StoreError::Damaged(what) => StoreError::Damaged(with_tables(&what, sql)),
        other => other,
    }
}

/// The causes of an error on one line. What PostgreSQL says in detail is left out: it quotes rows.
pub(super) fn describe(error: &Error) -> String {
    if let Some(refused) = error.as_db_error() {
        let code = refused.code().code();
        // These quote values even in their message.
        return if code.starts_with("22") || code.starts_with("23") {
            format!("SQLSTATE {code}")
        } else {
            format!("{} (SQLSTATE {code})", refused.message())
        };
    }
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

pub(super) fn outcome_unknown(why: &str) -> StoreError {
    StoreError::OutcomeUnknown(why.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What an error of COMMIT with this SQLSTATE says of the transaction.
    #[test]
    fn commit_that_fails_is_undone_only_where_the_transaction_itself_was_refused() {
        let undone = [
            "22001", "22P02", "23000", "23503", "23505", "23514", "23P01", "25P02", "25001", "40000",
            "40001", "40002", "40P01", "42501", "42P01", "44000", "55P03", "P0001",
        ];
        let unknown = [
            "08000", "08003", "08006", "08007", "08P01", "40003", "25006", "53000", "53100", "53200",
            "53300", "55000", "57014", "57P01", "57P02", "57P03", "57P05", "58000", "58030", "58P01",
            "XX000", "XX001", "XX002", "0A000", "26000", "28000", "3D000", "01000", "", "4", "99999",
        ];
        for code in undone {
            assert!(is_undone_by_commit_with(code), "{code}");
        }
        for code in unknown {
            assert!(!is_undone_by_commit_with(code), "{code}");
        }
    }
}
