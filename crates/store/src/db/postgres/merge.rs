//! Many batches with the same statements, as one batch whose statements take lists.
//!
//! Most batches of a busy server do the same to different rows. PostgreSQL spends less on one statement for a hundred
//! rows than on a hundred statements, each of which it has to start, plan for and end. What a merged statement cannot
//! tell is which of the batches was to blame when it fails: then they are sent one by one.

use super::super::{Stmt, Value};
use super::lanes::Job;
use bytes::{BufMut as _, BytesMut};
use std::collections::HashMap;
use std::error::Error as StdError;
use std::fmt::Write as _;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

/// The batches of a group by their statements: each class has those that differ in parameters alone, in their order.
pub(super) fn classes(group: &[Job]) -> Vec<Vec<usize>> {
    let mut places: HashMap<Vec<usize>, usize> = HashMap::new();
    let mut classes: Vec<Vec<usize>> = Vec::new();
    for (at, job) in group.iter().enumerate() {
        // Texts of a lane are written once in the program, so that their addresses tell them apart. A text with two
        // addresses only makes two classes of one.
        let texts = job.statements.iter().map(|statement| statement.sql.as_ptr().addr()).collect();
        let place = *places.entry(texts).or_insert_with(|| {
            classes.push(Vec::new());
            classes.len() - 1
        });
        if let Some(class) = classes.get_mut(place) {
            class.push(at);
        }
    }
    classes
}

/// The statement that does for each row of its lists what `written` does for its parameters, whose types are `types`.
/// `None` if it has a form for which that is not so.
pub(super) fn text(written: &Stmt, types: &[Type]) -> Option<String> {
    let sql = written.sql.as_ref();
    if types.is_empty() || ["SELECT", "ON CONFLICT", "RETURNING"].iter().any(|word| sql.contains(word)) {
        return None;
    }
    let mut lists = String::new();
    let mut names = String::new();
    for (at, kind) in types.iter().enumerate() {
        let (comma, number) = (if at == 0 { "" } else { ", " }, at + 1);
        let kind = match *kind {
            Type::TEXT => "text",
            Type::INT8 => "bigint",
            _ => return None,
        };
        // Writing to a string cannot fail.
        let _ = write!(lists, "{comma}${number}::{kind}[]");
        let _ = write!(names, "{comma}p{number}");
    }
    let rows = format!("unnest({lists}) AS x({names})");
    if sql.starts_with("INSERT INTO ") {
        let (head, values) = sql.split_once("VALUES (")?;
        let values = values.trim_end().strip_suffix(')')?;
        return (!values.contains('(')).then(|| format!("{head}SELECT {} FROM {rows}", named(values)));
    }
    let (head, condition) = sql.split_once("WHERE ")?;
    if condition.contains("WHERE ") {
        return None;
    }
    // A row that two batches mean would be changed once, so the number of changed rows has to be looked at.
    if sql.starts_with("UPDATE ") && written.expect.is_some() {
        return Some(format!("{} FROM {rows} WHERE {}", named(head.trim_end()), named(condition)));
    }
    sql.starts_with("DELETE FROM ")
        .then(|| format!("{} USING {rows} WHERE {}", head.trim_end(), named(condition)))
}

/// Renames the parameters of a merged statement: `$3` becomes `x.p3`.
fn named(sql: &str) -> String {
    sql.replace('$', "x.p")
}

/// The values of one parameter for all batches of a class.
#[derive(Debug)]
pub(super) struct List<'a>(Vec<&'a Value>);

impl<'a> List<'a> {
    /// The lists of the parameters of `statements`, which have the same text. `None` if a value is not of its type.
    pub(super) fn of(statements: &[&'a Stmt], types: &[Type]) -> Option<Vec<Self>> {
        let fits = |value: &Value, kind: &Type| match value {
            Value::Null => true,
            Value::Int(_) => *kind == Type::INT8,
            Value::Text(_) => *kind == Type::TEXT,
            Value::Foreign => false,
        };
        types
            .iter()
            .enumerate()
            .map(|(at, kind)| {
                let values = statements
                    .iter()
                    .map(|statement| statement.params.get(at).filter(|value| fits(value, kind)));
                values.collect::<Option<Vec<_>>>().map(Self)
            })
            .collect()
    }
}

impl ToSql for List<'_> {
    /// An array of one dimension in PostgreSQL's binary form.
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        let element = if *kind == Type::INT8_ARRAY { Type::INT8 } else { Type::TEXT };
        out.put_i32(1);
        out.put_i32(i32::from(self.0.iter().any(|value| matches!(value, Value::Null))));
        out.put_u32(element.oid());
        out.put_i32(i32::try_from(self.0.len())?);
        out.put_i32(1);
        for value in &self.0 {
            match value {
                Value::Int(number) => {
                    out.put_i32(8);
                    out.put_i64(*number);
                }
                Value::Text(text) => {
                    out.put_i32(i32::try_from(text.len())?);
                    out.put_slice(text.as_bytes());
                }
                Value::Null | Value::Foreign => out.put_i32(-1),
            }
        }
        Ok(IsNull::No)
    }

    fn accepts(kind: &Type) -> bool {
        *kind == Type::TEXT_ARRAY || *kind == Type::INT8_ARRAY
    }

    to_sql_checked!();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Conflict;

    const TYPES: [Type; 3] = [Type::TEXT, Type::TEXT, Type::INT8];

    fn merged(sql: &'static str) -> Option<String> {
        text(&Stmt::new(sql, vec![]).expect(1, Conflict::Stale), &TYPES)
    }

    #[test]
    fn a_statement_of_each_kind_takes_lists() {
        let rows = "unnest($1::text[], $2::text[], $3::bigint[]) AS x(p1, p2, p3)";
        assert_eq!(
            merged("INSERT INTO t (a, b, c)\n VALUES ($1, $2, $3)"),
            Some(format!("INSERT INTO t (a, b, c)\n SELECT x.p1, x.p2, x.p3 FROM {rows}"))
        );
        assert_eq!(
            merged("UPDATE t SET c = $3\n WHERE a = $1 AND b = $2"),
            Some(format!("UPDATE t SET c = x.p3 FROM {rows} WHERE a = x.p1 AND b = x.p2"))
        );
        assert_eq!(
            merged("DELETE FROM t WHERE a = $1 AND b = $2 AND c = $3"),
            Some(format!("DELETE FROM t USING {rows} WHERE a = x.p1 AND b = x.p2 AND c = x.p3"))
        );
    }

    #[test]
    fn what_would_mean_something_else_stays_as_it_is() {
        for sql in [
            "INSERT INTO t (a, b, c) VALUES ($1, $2, $3) ON CONFLICT (a) DO UPDATE SET c = t.c + $3",
            "INSERT INTO t (a, b, c) SELECT $1, $2, $3 WHERE NOT EXISTS (SELECT 1 FROM t)",
            "INSERT INTO t (a, b, c) VALUES ($1, lower($2), $3)",
            "DELETE FROM t WHERE a IN (SELECT b FROM s WHERE c = $3)",
            "DELETE FROM t",
            "CREATE TABLE t (a TEXT)",
        ] {
            assert_eq!(merged(sql), None, "{sql}");
        }
        let unchecked = Stmt::new("UPDATE t SET c = $3 WHERE a = $1 AND b = $2", vec![]);
        assert_eq!(text(&unchecked, &TYPES), None);
        assert_eq!(text(&unchecked.expect(1, Conflict::Stale), &[Type::TEXT, Type::TEXT, Type::BOOL]), None);
    }

    #[test]
    fn a_value_of_another_type_is_not_put_into_a_list() {
        let one = |value: Value| Stmt::new("DELETE FROM t WHERE a = $1", vec![value]);
        let [text, number, null] = ["a".into(), 1.into(), Value::Null].map(one);
        assert!(List::of(&[&text, &null], &[Type::TEXT]).is_some());
        assert!(List::of(&[&text, &number], &[Type::TEXT]).is_none());
        assert!(List::of(&[&number], &[Type::TEXT, Type::INT8]).is_none());
    }
}
