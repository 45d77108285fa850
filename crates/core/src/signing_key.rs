//! The keys that sign an instance's tokens: which one signs at a moment, and which are published.
//!
//! Whoever verifies tokens keeps the published keys for minutes, and asks for an unknown one late (contract section 1). So a
//! key is published before it signs, and stays published until the last token that it signed has expired. All moments are
//! real time, also when the clock of the instance was moved: they are compared by others with their own clocks.

use verger_wire::{InstanceId, SigningKeyId, UnixMillis};

/// How long a key is published before it signs, at least: twice as long as clients keep keys.
pub const PUBLISHED_BEFORE_MIN_MS: i64 = 10 * 60 * 1000;
/// How long it is published before it signs unless the request says otherwise.
pub const PUBLISHED_BEFORE_DEFAULT_MS: i64 = 60 * 60 * 1000;
/// How far ahead a rotation can be planned.
pub const PLANNED_MAX_MS: i64 = 90 * 24 * 60 * 60 * 1000;
/// The longest life of a token that a key is kept published for when another has begun to sign, in seconds.
pub const TOKEN_SECONDS_WAITED_FOR: i64 = 24 * 60 * 60;
/// How long a key stays published after another has begun to sign: the longest life of a token that is waited for, and an hour
/// for clocks and caches.
pub const PUBLISHED_AFTER_MS: i64 = (TOKEN_SECONDS_WAITED_FOR + 60 * 60) * 1000;

/// A key of an instance. Its halves are elsewhere: the public one beside it, the private one sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningKey {
    /// Its `kid`: `ins_…`. The first one's is the id of the instance.
    pub id: SigningKeyId,
    /// Since when it is published.
    pub created_at: UnixMillis,
    /// From when on it signs, until another does.
    pub signs_at: UnixMillis,
    /// Since when it is neither published nor signs, because somebody retired it.
    pub retired_at: Option<UnixMillis>,
}

/// What a key does at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// It is published, and will sign.
    Pending,
    /// It signs.
    Signing,
    /// Another signs; it is published for the tokens that it signed.
    Former,
    /// It is not published.
    Retired,
}

/// All keys of an instance that there ever were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningKeys(Vec<SigningKey>);

/// Why keys are not changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SigningKeyRefusal {
    /// There is no such key.
    Unknown,
    /// A rotation is planned already.
    RotationPending {
        /// The key that will sign.
        id: SigningKeyId,
        /// From when on.
        signs_at: UnixMillis,
    },
    /// It would sign before clients know it.
    TooSoon {
        /// The earliest moment.
        earliest: UnixMillis,
    },
    /// It would be published for too long before it signs.
    TooLate {
        /// The latest moment.
        latest: UnixMillis,
    },
    /// The key signs: another must sign first.
    Signs,
    /// Tokens that it signed may be valid.
    InUse {
        /// Until when.
        until: UnixMillis,
    },
    /// It was retired before.
    Retired,
}

/// What retiring a key changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retirement {
    /// The key, retired.
    pub retired: SigningKey,
    /// The planned key, which signs from now on in its place.
    pub promoted: Option<SigningKey>,
    /// The key signed and no other is published: a new one must sign at once, in the same write.
    pub needs_new: bool,
}

impl KeyState {
    /// The name in answers and in listings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Signing => "signing",
            Self::Former => "former",
            Self::Retired => "retired",
        }
    }
}

impl SigningKey {
    /// The first key of an instance: nobody knows an older one, so that it signs at once. Every server makes the same id,
    /// and the database keeps one key of it.
    pub fn first(instance: &InstanceId, now: UnixMillis) -> Self {
        Self { id: SigningKeyId::from(instance.as_str()), created_at: now, signs_at: now, retired_at: None }
    }

    fn is_retired_at(&self, at: UnixMillis) -> bool {
        self.retired_at.is_some_and(|retired_at| retired_at <= at)
    }

    /// Which of two signs: the one that began later; of two that began together the greater id.
    fn order(&self) -> (UnixMillis, &SigningKeyId) {
        (self.signs_at, &self.id)
    }
}

impl SigningKeys {
    /// The keys of an instance, in any order.
    pub fn new(mut keys: Vec<SigningKey>) -> Self {
        keys.sort_by(|one, other| one.order().cmp(&other.order()));
        Self(keys)
    }

    /// All of them, in the order in which they sign.
    pub fn all(&self) -> &[SigningKey] {
        &self.0
    }

    /// The key that signs at this moment; `None` for an instance without keys, or before its first one.
    pub fn signer_at(&self, at: UnixMillis) -> Option<&SigningKey> {
        self.0.iter().rfind(|key| key.signs_at <= at && !key.is_retired_at(at))
    }

    /// The keys that are published at this moment, in the order in which they sign.
    pub fn published_at(&self, at: UnixMillis) -> impl Iterator<Item = &SigningKey> {
        self.0.iter().filter(move |key| self.state_at(key, at) != KeyState::Retired && key.created_at <= at)
    }

    /// What a key of these does at this moment.
    pub fn state_at(&self, key: &SigningKey, at: UnixMillis) -> KeyState {
        if key.is_retired_at(at) {
            return KeyState::Retired;
        }
        match self.signer_at(at) {
            Some(signer) if signer.id == key.id => KeyState::Signing,
            _ if key.signs_at > at => KeyState::Pending,
            _ if self.published_until(key).is_some_and(|until| until <= at) => KeyState::Retired,
            _ => KeyState::Former,
        }
    }

    /// When a key stops being published by itself: a while after it signed for the last time. `None` while no other is to
    /// follow.
    pub fn published_until(&self, key: &SigningKey) -> Option<UnixMillis> {
        let successors = || self.0.iter().filter(|next| next.order() > key.order());
        let lasting = successors().filter(|next| next.retired_at.is_none());
        let mut stops_at = lasting.map(|next| next.signs_at).min()?;
        // Before that, others may have signed for a while that were retired since.
        let reaches = |next: &SigningKey, to| {
            next.signs_at < to && next.retired_at.is_some_and(|retired| retired >= to)
        };
        while let Some(earlier) = successors().find(|next| reaches(next, stops_at)) {
            stops_at = earlier.signs_at;
        }
        Some(stops_at.plus_ms(PUBLISHED_AFTER_MS))
    }

    /// The next moment after this one at which anything is different by itself: another key signs, or one is no longer
    /// published. Whoever keeps what was read asks again then.
    pub fn next_change_after(&self, at: UnixMillis) -> Option<UnixMillis> {
        let begins = self.0.iter().filter(|key| key.retired_at.is_none()).map(|key| key.signs_at);
        let ends = self.0.iter().filter_map(|key| self.published_until(key));
        begins.chain(ends).filter(|moment| *moment > at).min()
    }

    /// Plans a rotation: the key that is published from now on and signs from `signs_at` on.
    ///
    /// # Errors
    /// A rotation is planned already, or the moment is too near or too far.
    pub fn rotate(
        &self,
        id: SigningKeyId,
        signs_at: Option<UnixMillis>,
        now: UnixMillis,
    ) -> Result<SigningKey, SigningKeyRefusal> {
        if let Some(pending) = self.0.iter().find(|key| self.state_at(key, now) == KeyState::Pending) {
            let (id, signs_at) = (pending.id.clone(), pending.signs_at);
            return Err(SigningKeyRefusal::RotationPending { id, signs_at });
        }
        let signs_at = signs_at.unwrap_or(now.plus_ms(PUBLISHED_BEFORE_DEFAULT_MS));
        let (earliest, latest) = (now.plus_ms(PUBLISHED_BEFORE_MIN_MS), now.plus_ms(PLANNED_MAX_MS));
        if signs_at < earliest {
            return Err(SigningKeyRefusal::TooSoon { earliest });
        }
        if signs_at > latest {
            return Err(SigningKeyRefusal::TooLate { latest });
        }
        Ok(SigningKey { id, created_at: now, signs_at, retired_at: None })
    }

    /// Takes a key out of the set. `at_once`: also one that signs, or whose tokens may be valid.
    ///
    /// # Errors
    /// There is no such key, it is retired, or it is needed and `at_once` is not asked for.
    pub fn retire(
        &self,
        id: &SigningKeyId,
        at_once: bool,
        now: UnixMillis,
    ) -> Result<Retirement, SigningKeyRefusal> {
        let key = self.0.iter().find(|key| key.id == *id).ok_or(SigningKeyRefusal::Unknown)?;
        let retired = SigningKey { retired_at: Some(now), ..key.clone() };
        let alone = Retirement { retired, promoted: None, needs_new: false };
        match self.state_at(key, now) {
            KeyState::Retired => Err(SigningKeyRefusal::Retired),
            // It has signed nothing.
            KeyState::Pending => Ok(alone),
            KeyState::Signing if !at_once => Err(SigningKeyRefusal::Signs),
            KeyState::Signing => {
                let others = Self(self.0.iter().filter(|other| other.id != key.id).cloned().collect());
                // One that is no longer published signs nothing again.
                let is_replaced = others.signer_at(now).is_some_and(|next| self.is_former(next, now));
                if is_replaced {
                    return Ok(alone);
                }
                let planned = self.0.iter().find(|other| self.state_at(other, now) == KeyState::Pending);
                let promoted = planned.map(|planned| SigningKey { signs_at: now, ..planned.clone() });
                Ok(Retirement { needs_new: promoted.is_none(), promoted, ..alone })
            }
            KeyState::Former if !at_once => {
                let until = self.published_until(key).unwrap_or(now);
                Err(SigningKeyRefusal::InUse { until })
            }
            KeyState::Former => Ok(alone),
        }
    }

    fn is_former(&self, key: &SigningKey, at: UnixMillis) -> bool {
        self.state_at(key, at) == KeyState::Former
    }
}
