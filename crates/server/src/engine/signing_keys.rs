//! Adding, promoting and retiring the keys that sign tokens.

use super::precondition::Versions;
use super::run::{Command, Engine, Outcome};
use crate::changes::{KeyEvent, Stamp};
use crate::clock::for_people;
use crate::codes::Keyring;
use crate::error::Failure;
use crate::instances::keys::sealed;
use crate::reasons::{ROTATION_PENDING, SIGNING_KEY_IN_USE, SIGNING_KEY_RETIRED};
use verger_core::SigningKey;
use verger_core::signing_key::{Retirement, SigningKeyRefusal};
use verger_http::reasons::value_invalid;
use verger_store::{AggregateKey, AggregateKind, Change, KeySet, StoredSigningKey, Write};
use verger_wire::{Refused, SigningKeyId, UnixMillis};

/// What is done with the keys of an instance.
#[derive(Clone, Debug)]
pub(crate) enum KeyAction {
    /// A new key is published now, and signs later.
    Rotate {
        /// From when on it signs; `None`: after the usual time.
        signs_at: Option<UnixMillis>,
    },
    /// A key is taken out of the set.
    Retire {
        /// Which one.
        id: SigningKeyId,
        /// Also one that signs, or whose tokens may be valid.
        at_once: bool,
    },
}

/// A change of the keys of an instance.
pub(crate) struct KeyChange<'a> {
    /// What is done.
    pub(crate) action: KeyAction,
    /// The id of a key that is made for it.
    pub(crate) new_id: SigningKeyId,
    /// Seals what is made.
    pub(crate) keyring: &'a Keyring,
    /// Who changes them, and when: real time.
    pub(crate) stamp: Stamp,
}

struct ChangeKeys<'a, R> {
    change: KeyChange<'a>,
    /// Generated once, however often the decision is made.
    made: tokio::sync::OnceCell<StoredSigningKey>,
    render: R,
}

struct KeepFirst(StoredSigningKey);

impl Engine<'_> {
    /// Changes the keys of the instance; `render` gets the set afterwards and the key that it is about.
    pub(crate) async fn change_signing_keys<T: Outcome>(
        &self,
        change: KeyChange<'_>,
        render: impl Fn(&KeySet, &SigningKeyId) -> Result<T, Failure> + Send + Sync,
    ) -> Result<T, Failure> {
        self.carry_out(&ChangeKeys { change, made: tokio::sync::OnceCell::new(), render }).await
    }

    /// Stores the first key of an instance, unless it has one by now.
    pub(crate) async fn keep_first_key(&self, first: StoredSigningKey) -> Result<bool, Failure> {
        self.carry_out(&KeepFirst(first)).await
    }
}

impl Command for KeepFirst {
    type Found = KeySet;
    type Outcome = bool;

    async fn load(&self, engine: &Engine<'_>) -> Result<KeySet, Failure> {
        Ok(engine.scoped().signing_keys(engine.deadline).await?)
    }

    fn keys(&self, found: &KeySet) -> Vec<AggregateKey> {
        vec![AggregateKey::signing_keys(&found.instance_id)]
    }

    fn versions(&self, _found: &KeySet) -> Versions {
        Versions::Uncompared
    }

    async fn decide(&self, _engine: &Engine<'_>, found: &KeySet) -> Result<(Write, bool), Failure> {
        let now = self.0.key.created_at;
        if !found.keys.is_empty() {
            return Ok((Write::at(now), false));
        }
        let after = KeySet { instance_id: found.instance_id.clone(), keys: vec![self.0.clone()] };
        Ok((Write { changes: vec![Change::update(found.clone(), after).into()], ..Write::at(now) }, true))
    }
}

impl<R> ChangeKeys<'_, R> {
    /// The halves of the key that is made. Another decision may give it another moment.
    async fn make(&self, key: SigningKey) -> Result<StoredSigningKey, Failure> {
        let made = self.made.get_or_try_init(|| sealed(self.change.keyring, key.clone())).await?;
        Ok(StoredSigningKey { key, ..made.clone() })
    }

    /// The set afterwards, with what there is to tell.
    async fn changed(&self, found: &KeySet) -> Result<(KeySet, SigningKeyId, Vec<KeyEvent>), Failure> {
        let (core, now) = (found.to_core(), self.change.stamp.at);
        let mut after = found.clone();
        match &self.change.action {
            KeyAction::Rotate { signs_at } => {
                let new = core.rotate(self.change.new_id.clone(), *signs_at, now).map_err(key_refused)?;
                after.keys.push(self.make(new.clone()).await?);
                Ok((after, new.id.clone(), vec![KeyEvent::Created(new)]))
            }
            KeyAction::Retire { id, at_once } => {
                let Retirement { retired, promoted, needs_new } =
                    core.retire(id, *at_once, now).map_err(key_refused)?;
                let mut told = vec![KeyEvent::Retired(retired.clone())];
                for stored in &mut after.keys {
                    if stored.key.id == retired.id {
                        // Nothing is signed with it any more.
                        stored.key = retired.clone();
                        stored.private_key.clear();
                    } else if let Some(promoted) = promoted.as_ref().filter(|key| key.id == stored.key.id) {
                        stored.key = promoted.clone();
                        told.push(KeyEvent::Promoted(promoted.clone()));
                    }
                }
                if needs_new {
                    let new = SigningKey {
                        id: self.change.new_id.clone(),
                        created_at: now,
                        signs_at: now,
                        retired_at: None,
                    };
                    after.keys.push(self.make(new.clone()).await?);
                    told.push(KeyEvent::Created(new));
                }
                Ok((after, id.clone(), told))
            }
        }
    }
}

impl<R, T> Command for ChangeKeys<'_, R>
where
    R: Fn(&KeySet, &SigningKeyId) -> Result<T, Failure> + Send + Sync,
    T: Outcome,
{
    type Found = KeySet;
    type Outcome = T;

    async fn load(&self, engine: &Engine<'_>) -> Result<KeySet, Failure> {
        Ok(engine.scoped().signing_keys(engine.deadline).await?)
    }

    fn keys(&self, found: &KeySet) -> Vec<AggregateKey> {
        vec![AggregateKey::signing_keys(&found.instance_id)]
    }

    fn versions(&self, _found: &KeySet) -> Versions {
        Versions::Uncompared
    }

    async fn decide(&self, engine: &Engine<'_>, found: &KeySet) -> Result<(Write, T), Failure> {
        let (after, about, told) = self.changed(found).await?;
        let outcome = (self.render)(&after, &about)?;
        let mut write = Write::at(self.change.stamp.at);
        if !engine.is_dry_run() {
            let told = self.change.stamp.clone().signing_keys(&told);
            write.told.push(told.map_err(|error| Failure::Bug(error.to_string()))?);
        }
        write.changes.push(Change::update(found.clone(), after).into());
        Ok((write, outcome))
    }
}

fn key_refused(refusal: SigningKeyRefusal) -> Failure {
    let in_use = |why: String| Refused::new(&SIGNING_KEY_IN_USE).with("why", why).into();
    match refusal {
        SigningKeyRefusal::Unknown => Failure::not_found(AggregateKind::SigningKeys.noun()),
        SigningKeyRefusal::RotationPending { id, signs_at } => Refused::new(&ROTATION_PENDING)
            .with("key", id.as_str())
            .with("signs_at", for_people(signs_at))
            .into(),
        SigningKeyRefusal::TooSoon { earliest } => {
            let why = format!(
                "must be at {} or later: clients keep what they know of keys for minutes",
                for_people(earliest)
            );
            value_invalid(why).param("signs_at").into()
        }
        SigningKeyRefusal::TooLate { latest } => {
            value_invalid(format!("must be at {} or earlier", for_people(latest))).param("signs_at").into()
        }
        SigningKeyRefusal::Signs => in_use("It signs, and another must sign first".to_owned()),
        SigningKeyRefusal::InUse { until } => {
            in_use(format!("Tokens that it signed can be valid until {}", for_people(until)))
        }
        SigningKeyRefusal::Retired => (&SIGNING_KEY_RETIRED).into(),
    }
}
