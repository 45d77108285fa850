//! Gives changes their numbers inside the writer's transaction.

use super::super::{Stmt, Value};
use super::statement::{Refused, refused, run_as, run_statement};
use crate::StoreError;
use crate::changes::{
    APPLIED_APART, Append, INSERT_CHANGE, LAST_END_COLUMNS, LastEnd, Numbering, PLACES_OF_INSTANCE,
};
use crate::trail::{Hash, Place};
use rusqlite::{Connection, OptionalExtension as _, params};
use verger_wire::InstanceId;

/// The table of what is kept in memory here.
const ENDS: &str = "audit_ends";

/// Numbers within one transaction. What it read of the database stays true for as long.
pub(super) struct Appending<'a> {
    numbering: &'a Numbering,
    /// Whether any change or event waits for its number.
    is_any_unread: Option<bool>,
    /// The ends of the trails to which the transaction appended. They are written once, at its end.
    ends: Vec<Moved>,
}

/// The end of a trail.
struct Moved {
    instance: InstanceId,
    /// As it is in the database.
    written: LastEnd,
    base: i64,
    /// As the batches before this one leave it.
    accepted: Place,
    place: Place,
}

impl<'a> Appending<'a> {
    pub(super) fn new(numbering: &'a Numbering) -> Self {
        Self { numbering, is_any_unread: None, ends: Vec::new() }
    }

    /// Runs the statements of a batch, inside its savepoint.
    pub(super) fn run(&mut self, connection: &Connection, statements: &[Stmt]) -> Result<(), Refused> {
        for statement in statements {
            match &statement.append {
                Some(append) => self.append(connection, statement, append)?,
                None => {
                    if self.is_in_the_way_of(statement) {
                        self.write_ends(connection)?;
                    }
                    run_statement(connection, statement)?;
                }
            }
        }
        for ends in &mut self.ends {
            ends.accepted = ends.place;
        }
        Ok(())
    }

    /// Makes way for a batch that itself reads or writes where trails end. Before its savepoint: what others appended
    /// stays if it is refused.
    pub(super) fn make_way(&mut self, connection: &Connection, statements: &[Stmt]) -> Result<(), Refused> {
        if statements.iter().any(|statement| self.is_in_the_way_of(statement)) {
            self.write_ends(connection)?;
        }
        Ok(())
    }

    /// Takes back the numbers of a batch that was refused.
    pub(super) fn undo(&mut self) {
        for ends in &mut self.ends {
            ends.place = ends.accepted;
        }
    }

    /// Writes where the trails end to which batches appended, and forgets it.
    pub(super) fn write_ends(&mut self, connection: &Connection) -> Result<(), Refused> {
        for ends in self.ends.drain(..) {
            if ends.place == ends.written.place {
                continue;
            }
            let seal = ends.written.seal_of(&self.numbering.keys, &ends.instance, ends.place);
            ends.write(connection, seal.map_err(Refused::Alone)?).map_err(|error| refused(error, ENDS))?;
        }
        Ok(())
    }

    fn is_in_the_way_of(&self, statement: &Stmt) -> bool {
        !self.ends.is_empty() && statement.sql.contains(ENDS)
    }

    /// Writes the change of a statement, with its number unless it has to wait for one.
    fn append(&mut self, connection: &Connection, statement: &Stmt, append: &Append) -> Result<(), Refused> {
        let numbering = self.numbering;
        let Some(keys) = numbering.keys.get() else { return run_statement(connection, statement) };
        let key = keys.newest().map_err(Refused::Alone)?;
        if !self.may_number(connection, append).map_err(|error| refused(error, "changes"))? {
            return run_statement(connection, statement);
        }
        let ends = self.ends_of(connection, append)?;
        let number = ends.place.number + append.event_count;
        let hash = key.link(ends.place.hash, number, append.digest);
        ends.place = Place { number, hash: Some(hash) };
        let more: [Value; 3] = [(ends.base + number).into(), key.id().into(), hash.to_base64().into()];
        run_as(connection, statement, INSERT_CHANGE, &more)
    }

    /// While servers of the version before may be running, changes wait to become what these know; and behind an earlier
    /// change of its user that waits, one waits as well.
    fn may_number(&mut self, connection: &Connection, append: &Append) -> rusqlite::Result<bool> {
        if !self.numbering.is_window_over() {
            let apart = connection.prepare_cached(APPLIED_APART)?.query_row([], |row| row.get(0))?;
            if !self.numbering.learn_of_window(apart) {
                return Ok(false);
            }
        }
        let is_any_unread = match self.is_any_unread {
            Some(known) => known,
            None => {
                let mut first = connection.prepare_cached(
                    "SELECT EXISTS (SELECT 1 FROM changes_unread)
                        OR EXISTS (SELECT 1 FROM outbox WHERE sequence_number IS NULL)",
                )?;
                first.query_row([], |row| row.get(0))?
            }
        };
        self.is_any_unread = Some(is_any_unread);
        if !is_any_unread || append.user_id.is_empty() {
            return Ok(true);
        }
        let mut of_user = connection.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM changes_unread WHERE instance_id || user_id = ?1)
                OR EXISTS (SELECT 1 FROM outbox WHERE instance_id || user_id = ?1 AND sequence_number IS NULL)",
        )?;
        let key = format!("{}{}", append.instance, append.user_id);
        of_user.query_row([key], |row| row.get::<_, bool>(0)).map(|waits| !waits)
    }

    /// Where the trail of a change ends.
    fn ends_of(&mut self, connection: &Connection, append: &Append) -> Result<&mut Moved, Refused> {
        let instance = &append.instance;
        let at = match self.ends.iter().position(|ends| ends.instance == *instance) {
            Some(at) => at,
            None => {
                let written = read_end(connection, instance)?;
                let base = match written.base {
                    Some(base) => base,
                    None => self.next_base(connection).map_err(|error| refused(error, ENDS))?,
                };
                let place = written.place;
                self.ends.push(Moved { instance: instance.clone(), written, base, accepted: place, place });
                self.ends.len() - 1
            }
        };
        let ends = &mut self.ends[at];
        let now = LastEnd { place: ends.place, ..ends.written.clone() };
        now.check_room(instance, append.event_count).map_err(Refused::Alone)?;
        Ok(ends)
    }

    /// Where the places of an instance begin that has none yet.
    fn next_base(&self, connection: &Connection) -> rusqlite::Result<i64> {
        let mut next = connection.prepare_cached("SELECT COALESCE(MAX(base) + ?1, 0) FROM audit_ends")?;
        let stored: i64 = next.query_row([PLACES_OF_INSTANCE], |row| row.get(0))?;
        let not_yet_stored = self.ends.iter().map(|ends| ends.base + PLACES_OF_INSTANCE).max();
        Ok(stored.max(not_yet_stored.unwrap_or(0)))
    }
}

impl Moved {
    fn write(&self, connection: &Connection, seal: Option<String>) -> rusqlite::Result<()> {
        let (number, hash) = (self.place.number, self.place.hash.map(Hash::to_hex).unwrap_or_default());
        let instance = self.instance.as_str();
        if self.written.base.is_some() {
            let mut update = connection.prepare_cached(
                "UPDATE audit_ends SET last_number = ?2, last_hash = ?3, last_seal = ?4 WHERE instance_id = ?1",
            )?;
            return update.execute(params![instance, number, hash, seal]).map(drop);
        }
        let mut begin = connection.prepare_cached(
            "INSERT INTO audit_ends
                (instance_id, first_number, first_previous_hash, last_number, last_hash, last_seal, base)
             VALUES (?1, 1, '', ?2, ?3, ?4, ?5)
             ON CONFLICT (instance_id) DO UPDATE SET last_number = ?2, last_hash = ?3, last_seal = ?4, base = ?5",
        )?;
        begin.execute(params![instance, number, hash, seal, self.base]).map(drop)
    }
}

/// The end of a trail in the database.
fn read_end(connection: &Connection, instance: &InstanceId) -> Result<LastEnd, Refused> {
    let read = |row: &rusqlite::Row<'_>| {
        let (base, number) = (row.get(0)?, row.get(1)?);
        Ok((base, number, row.get::<_, String>(2)?, row.get(3)?))
    };
    let select = format!("SELECT {LAST_END_COLUMNS} FROM audit_ends WHERE instance_id = ?1");
    let found = connection
        .prepare_cached(&select)
        .and_then(|mut select| select.query_row([instance.as_str()], read).optional())
        .map_err(|error| refused(error, ENDS))?;
    let Some((base, number, hash, seal)) = found else { return Ok(LastEnd::beginning()) };
    LastEnd::of(base, number, &hash, seal).ok_or_else(|| {
        let what = "last_hash".to_owned();
        Refused::Alone(StoreError::Corrupt { table: ENDS, id: instance.to_string(), what })
    })
}
