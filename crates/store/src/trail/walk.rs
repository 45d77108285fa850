//! The proof of a whole trail, row by row from old to new.

use super::erase::Erasure;
use super::{Content, End, Hash, Place, Proof, Seal, TrailKeys, personal_digest};
use crate::AuditEntry;
use crate::audit::Ends;
use std::collections::BTreeMap;
use verger_wire::{InstanceId, UnixMillis, UserId};

/// The rows of a trail that were made under one key, or under none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrailPart {
    /// The id of the key; `None` for rows from before there were keys.
    pub key_id: Option<String>,
    /// The number of the first of them.
    pub first_number: i64,
    /// The number of the last of them.
    pub last_number: i64,
    /// How many there are: those of other keys may be between them, where servers with different keys wrote side by side.
    pub rows: i64,
}

/// The first row that is not as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Broken {
    pub(crate) number: i64,
    pub(crate) why: &'static str,
}

/// What a walk that came to the end of the trail found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Proven {
    pub(crate) rows: i64,
    pub(crate) last_hash: String,
    pub(crate) parts: Vec<TrailPart>,
    /// Rows without their personal part.
    pub(crate) erased: i64,
    /// Whether the last end has a seal.
    pub(crate) is_sealed: bool,
    /// The first number behind a seal that is not of the last row.
    pub(crate) unsealed_from: Option<i64>,
    /// Users with erased rows but no row that proves it, with the number of the last such row.
    pub(crate) unexplained: BTreeMap<UserId, i64>,
}

/// A row of `changes` with everything that its hash covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ChangeRow {
    /// The number of its last event.
    pub(crate) number: i64,
    pub(crate) event_count: i64,
    pub(crate) kind: String,
    pub(crate) events: String,
    pub(crate) user_id: UserId,
    pub(crate) user_version: i64,
    pub(crate) created_at: UnixMillis,
    pub(crate) who: String,
    pub(crate) personal: Option<String>,
    pub(crate) salt: Option<String>,
    pub(crate) personal_digest: String,
    pub(crate) key_id: String,
    pub(crate) hash: String,
}

/// A row of either generation.
#[derive(Clone, Debug)]
pub(crate) enum TrailRow {
    /// From before there were keys.
    Old(AuditEntry),
    Change(Box<ChangeRow>),
}

/// How far a walk has come.
pub(crate) struct Walk<'a> {
    instance: &'a InstanceId,
    keys: &'a TrailKeys,
    ends: &'a Ends,
    /// The seal of the last end, which is genuine.
    seal: Option<Seal>,
    /// The number of the next row.
    number: i64,
    /// The hash of the row before it.
    hash: String,
    parts: Vec<TrailPart>,
    erased: i64,
    unexplained: BTreeMap<UserId, i64>,
}

impl ChangeRow {
    fn first_number(&self) -> Option<i64> {
        self.number.checked_sub(self.event_count.checked_sub(1)?).filter(|_| self.event_count > 0)
    }

    fn content<'a>(&'a self, instance: &'a InstanceId) -> Content<'a> {
        Content {
            instance,
            event_count: self.event_count,
            kind: &self.kind,
            events: &self.events,
            user_id: &self.user_id,
            user_version: self.user_version,
            created_at: self.created_at,
            who: &self.who,
            personal_digest: &self.personal_digest,
        }
    }

    /// Whether the personal part is what was written, or is gone.
    fn is_personal_part_right(&self) -> bool {
        match (&self.salt, &self.personal) {
            (Some(salt), Some(personal)) => personal_digest(salt, personal) == self.personal_digest,
            (salt, personal) => salt.is_none() && personal.is_none(),
        }
    }

    fn is_erased(&self) -> bool {
        self.personal.is_none() && !self.personal_digest.is_empty()
    }
}

impl<'a> Walk<'a> {
    /// Begins at the first end, if both ends are where they were sealed.
    pub(crate) fn begin(
        instance: &'a InstanceId,
        keys: &'a TrailKeys,
        ends: &'a Ends,
    ) -> Result<Self, Broken> {
        let broken = |number, why| Err(Broken { number, why });
        let first = ends.first_place();
        let is_natural = ends.first_number == 1 && ends.first_previous_hash.is_empty();
        let proof = |end: End, text: &Option<String>| match text.as_deref().map(str::parse::<Seal>) {
            None => Ok(None),
            Some(Err(_)) => Err("the seal of an end of the trail cannot be read"),
            Some(Ok(seal)) => match end.proof(keys, instance, &seal) {
                Proof::Genuine => Ok(Some(seal)),
                Proof::Forged => Err("an end of the trail was sealed without the key"),
                Proof::UnknownKey => Err(
                    "it is sealed with a key that is not in code_keys (give all the code_keys of the server)",
                ),
            },
        };
        let seal = match proof(End::Last, &ends.last_seal) {
            Ok(seal) => seal,
            Err(why) => return broken(ends.last_number, why),
        };
        match proof(End::First, &ends.first_seal) {
            Err(why) => return broken(ends.first_number, why),
            Ok(None) if is_natural || seal.is_none() => {}
            Ok(Some(sealed)) if sealed.place == first => {}
            Ok(_) => return broken(ends.first_number, "rows before it were removed without the key"),
        }
        if let Some(seal) = &seal {
            if seal.place.number > ends.last_number {
                return broken(ends.last_number, "rows behind it were cut off");
            }
            if seal.place.number == ends.first_number - 1 && seal.place.hash != first.hash {
                return broken(
                    ends.first_number,
                    "the row before it is not the one with which the trail ended",
                );
            }
        }
        let (number, hash) = (ends.first_number, ends.first_previous_hash.clone());
        Ok(Self {
            instance,
            keys,
            ends,
            seal,
            number,
            hash,
            parts: Vec::new(),
            erased: 0,
            unexplained: BTreeMap::new(),
        })
    }

    /// The number of the next row.
    pub(crate) fn number(&self) -> i64 {
        self.number
    }

    /// Looks at the next row.
    pub(crate) fn step(&mut self, row: &TrailRow) -> Result<(), Broken> {
        match row {
            TrailRow::Old(entry) => self.step_old(entry),
            TrailRow::Change(change) => self.step_change(change),
        }
    }

    fn step_old(&mut self, entry: &AuditEntry) -> Result<(), Broken> {
        self.meet(entry.sequence_number, entry.sequence_number)?;
        let broken = |why| Err(Broken { number: entry.sequence_number, why });
        // Anybody can write such a row; before a row with a key, or a seal, it is bound by that.
        if self.seal.as_ref().is_some_and(|seal| entry.sequence_number > seal.place.number) {
            return broken("the row was added without the key");
        }
        if entry.previous_hash != self.hash {
            return broken("the row is not bound to the one before it");
        }
        if entry.hash != entry.hash_in(self.instance) {
            return broken("the row was changed");
        }
        self.pass(None, entry.sequence_number, entry.sequence_number, entry.hash.clone())
    }

    fn step_change(&mut self, change: &ChangeRow) -> Result<(), Broken> {
        let broken = |why| Err(Broken { number: change.number, why });
        let Some(first) = change.first_number() else {
            return broken("the row was changed: it has no events");
        };
        self.meet(first, change.number)?;
        let Some(key) = self.keys.by_id(&change.key_id) else {
            return broken(
                "the row was made with a key that is not in code_keys (give all the code_keys of the server)",
            );
        };
        let previous = Hash::from_hex(&self.hash);
        let hash = key.link(previous, change.number, change.content(self.instance).digest());
        if previous.is_none() && !self.hash.is_empty() {
            return broken("the hash of the row before it cannot be read");
        }
        if Hash::from_base64(&change.hash) != Some(hash) {
            return broken("the row was changed, or not made with the key that it names");
        }
        if !change.is_personal_part_right() {
            return broken("the personal part of the row was changed");
        }
        let erasure = Erasure { instance: self.instance, user: &change.user_id, at: change.created_at };
        if erasure.is_proven(&change.events, &change.who, self.keys) {
            self.unexplained.remove(&change.user_id);
        }
        if change.is_erased() {
            self.erased += 1;
            self.unexplained.insert(change.user_id.clone(), change.number);
        }
        self.pass(Some(&change.key_id), first, change.number, hash.to_hex())
    }

    /// Whether a row with these numbers is the next.
    fn meet(&self, first: i64, last: i64) -> Result<(), Broken> {
        let broken = |number, why| Err(Broken { number, why });
        match first.cmp(&self.number) {
            std::cmp::Ordering::Less => broken(last, "the row was added, or its number was changed"),
            std::cmp::Ordering::Greater => broken(self.number, "the row is missing"),
            std::cmp::Ordering::Equal => Ok(()),
        }
    }

    fn pass(&mut self, key_id: Option<&str>, first: i64, last: i64, hash: String) -> Result<(), Broken> {
        if let Some(seal) = &self.seal
            && (first..=last).contains(&seal.place.number)
            && (seal.place.number != last || seal.place.hash != Hash::from_hex(&hash))
        {
            return Err(Broken { number: last, why: "the row is not the one with which the trail ended" });
        }
        let rows = last - first + 1;
        match self.parts.iter_mut().find(|part| part.key_id.as_deref() == key_id) {
            Some(part) => {
                part.last_number = last;
                part.rows += rows;
            }
            None => self.parts.push(TrailPart {
                key_id: key_id.map(str::to_owned),
                first_number: first,
                last_number: last,
                rows,
            }),
        }
        self.number = last + 1;
        self.hash = hash;
        Ok(())
    }

    /// Whether the trail ends where it should.
    pub(crate) fn end(self) -> Result<Proven, Broken> {
        let broken = |number, why| Err(Broken { number, why });
        if self.number <= self.ends.last_number {
            return broken(self.number, "the row is missing");
        }
        if self.number > self.ends.last_number + 1 || self.hash != self.ends.last_hash {
            return broken(self.ends.last_number, "the row is not the one with which the trail ended");
        }
        if self.seal.is_none() && self.parts.iter().any(|part| part.key_id.is_some()) {
            return broken(self.ends.last_number, "the seal of the last row was removed");
        }
        let sealed_to = self.seal.as_ref().map(|seal| seal.place.number);
        Ok(Proven {
            rows: self.number - self.ends.first_number,
            unsealed_from: sealed_to.filter(|to| *to < self.ends.last_number).map(|to| to + 1),
            last_hash: self.hash,
            parts: self.parts,
            erased: self.erased,
            is_sealed: self.seal.is_some(),
            unexplained: self.unexplained,
        })
    }
}

#[cfg(test)]
mod tests;
