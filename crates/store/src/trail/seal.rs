//! Seals of the two ends of a trail.
//!
//! The chain proves that no row between two others was changed or removed, but not that none was cut off: without a seal
//! whoever can write the database could remove the last rows and move the record of the end back. A seal is a keyed hash of an
//! end. Whoever moves an end seals it anew only if the present seal is genuine and of the present end, so that what was
//! moved without the key stays visible whatever is appended later.

use super::{Hash, TrailKey, TrailKeys};
use crate::StoreError;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::fmt;
use std::str::FromStr;
use subtle::ConstantTimeEq as _;
use verger_wire::InstanceId;

const SEAL: &str = "verger: end";

/// One of the two ends of a trail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Before its first row: the number of that row, and the hash of the one that was before it.
    First,
    /// Its last row, and the hash of that.
    Last,
}

/// Where an end is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) number: i64,
    /// None before the very first row.
    pub(crate) hash: Option<Hash>,
}

/// A seal as it is stored: which end it was made of, and the proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seal {
    pub(crate) key_id: String,
    pub(crate) place: Place,
    mac: [u8; 32],
}

/// What a seal is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// Made with the key, of this end of this trail.
    Genuine,
    /// Not made with the key that it names, or not of this end.
    Forged,
    /// The key that it names is not known.
    UnknownKey,
}

impl End {
    fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Last => "last",
        }
    }

    fn mac(self, key: &TrailKey, instance: &InstanceId, place: Place) -> [u8; 32] {
        let hash = place.hash.map(Hash::to_hex).unwrap_or_default();
        let number = place.number.to_be_bytes();
        key.mac(&[
            SEAL.as_bytes(),
            self.name().as_bytes(),
            instance.as_str().as_bytes(),
            &number,
            hash.as_bytes(),
        ])
    }

    /// The seal of an end that is known to be right.
    pub(crate) fn seal(self, key: &TrailKey, instance: &InstanceId, place: Place) -> Seal {
        Seal { key_id: key.id().to_owned(), place, mac: self.mac(key, instance, place) }
    }

    /// What a seal of this end is worth, wherever the end is by now.
    pub(crate) fn proof(self, keys: &TrailKeys, instance: &InstanceId, seal: &Seal) -> Proof {
        let Some(key) = keys.by_id(&seal.key_id) else { return Proof::UnknownKey };
        match bool::from(self.mac(key, instance, seal.place).ct_eq(&seal.mac)) {
            true => Proof::Genuine,
            false => Proof::Forged,
        }
    }

    /// The seal of an end that moves from `from`, which has this seal, to `to`. What is not sealed as it should be keeps what
    /// it has.
    ///
    /// # Errors
    /// [`StoreError::Bug`] if there are no keys.
    pub(crate) fn advance(
        self,
        keys: &TrailKeys,
        instance: &InstanceId,
        from: Option<(Place, Option<&str>)>,
        to: Place,
    ) -> Result<Option<String>, StoreError> {
        let sealed = || Ok(Some(self.seal(keys.newest()?, instance, to).to_string()));
        let Some((from, text)) = from else { return sealed() };
        let is_sound = match text.map(str::parse::<Seal>) {
            Some(Ok(seal)) => seal.place == from && self.proof(keys, instance, &seal) == Proof::Genuine,
            Some(Err(NoSeal)) => false,
            // Nothing was ever removed from such a trail.
            None => self == Self::First && from == Place::BEGINNING,
        };
        if is_sound { sealed() } else { Ok(text.map(str::to_owned)) }
    }
}

impl Place {
    /// Before the first row of a trail from which nothing was removed.
    pub(crate) const BEGINNING: Self = Self { number: 1, hash: None };
}

/// A text is not a seal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoSeal;

impl fmt::Display for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hash = self.place.hash.map(Hash::to_base64).unwrap_or_default();
        write!(f, "{}:{}:{hash}:{}", self.key_id, self.place.number, URL_SAFE_NO_PAD.encode(self.mac))
    }
}

impl FromStr for Seal {
    type Err = NoSeal;

    fn from_str(text: &str) -> Result<Self, NoSeal> {
        let parts: Vec<_> = text.split(':').collect();
        let [key_id, number, hash, mac] = parts[..] else { return Err(NoSeal) };
        let hash = match hash {
            "" => None,
            hash => Some(Hash::from_base64(hash).ok_or(NoSeal)?),
        };
        let mac = URL_SAFE_NO_PAD.decode(mac).ok().and_then(|bytes| bytes.try_into().ok()).ok_or(NoSeal)?;
        let place = Place { number: number.parse().map_err(|_| NoSeal)?, hash };
        Ok(Self { key_id: key_id.to_owned(), place, mac })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(ids: &[(&str, u8)]) -> TrailKeys {
        TrailKeys::new(ids.iter().map(|(id, byte)| TrailKey::new((*id).to_owned(), [*byte; 32])))
    }

    fn place(number: i64, byte: u8) -> Place {
        let key = TrailKey::new("any".to_owned(), [byte; 32]);
        Place { number, hash: Some(Hash::of_entry(None, key.id())).filter(|_| byte > 0) }
    }

    #[test]
    fn seal_is_read_as_it_was_written_and_proves_its_own_end_alone() {
        let (keys, ours) = (keys(&[("k", 1)]), InstanceId::from("ins_1"));
        for at in [place(12, 1), place(1, 0)] {
            let seal = End::Last.seal(keys.newest().unwrap(), &ours, at);
            let read: Seal = seal.to_string().parse().unwrap();
            assert_eq!(read, seal);
            assert_eq!(End::Last.proof(&keys, &ours, &read), Proof::Genuine);
            assert_eq!(End::First.proof(&keys, &ours, &read), Proof::Forged);
            assert_eq!(End::Last.proof(&keys, &InstanceId::from("ins_2"), &read), Proof::Forged);
            let moved = Seal { place: Place { number: at.number - 1, ..at }, ..read.clone() };
            assert_eq!(End::Last.proof(&keys, &ours, &moved), Proof::Forged);
            let unknown = Seal { key_id: "other".to_owned(), ..read };
            assert_eq!(End::Last.proof(&keys, &ours, &unknown), Proof::UnknownKey);
        }
        for wrong in ["", "a:1::b", "k:1:x:AAAA", "k:x::", "k:1", "k:1:::"] {
            assert_eq!(wrong.parse::<Seal>(), Err(NoSeal), "{wrong}");
        }
    }

    #[test]
    fn end_that_moves_is_sealed_with_the_newest_key_if_it_was_sealed_before() {
        let ours = InstanceId::from("ins_1");
        let (old, both) = (keys(&[("old", 1)]), keys(&[("new", 2), ("old", 1)]));
        let first = End::Last.advance(&old, &ours, None, place(3, 1)).unwrap().unwrap();
        let second =
            End::Last.advance(&both, &ours, Some((place(3, 1), Some(&first))), place(5, 1)).unwrap().unwrap();
        let seal: Seal = second.parse().unwrap();
        assert_eq!((seal.key_id.as_str(), seal.place), ("new", place(5, 1)));
        assert_eq!(End::Last.proof(&both, &ours, &seal), Proof::Genuine);
        // A beginning from which nothing was removed needs no seal.
        let begun = End::First.advance(&old, &ours, Some((Place::BEGINNING, None)), place(9, 1)).unwrap();
        assert!(begun.is_some());
        assert!(End::Last.advance(&TrailKeys::default(), &ours, None, place(1, 1)).is_err());
    }

    #[test]
    fn end_that_was_moved_without_the_key_is_not_sealed_again() {
        let (ours, keys) = (InstanceId::from("ins_1"), keys(&[("k", 1)]));
        let sealed = End::Last.advance(&keys, &ours, None, place(9, 1)).unwrap().unwrap();
        let forged = sealed.replacen("k:9", "k:8", 1);
        let unknown = sealed.replacen("k:9", "x:9", 1);
        let of_first = End::First.seal(keys.newest().unwrap(), &ours, place(9, 1)).to_string();
        for (from, text) in [
            (place(8, 1), Some(sealed.as_str())),
            (place(10, 1), Some(sealed.as_str())),
            (place(9, 0), Some(sealed.as_str())),
            (place(8, 1), Some(forged.as_str())),
            (place(9, 1), Some(unknown.as_str())),
            (place(9, 1), Some(of_first.as_str())),
            (place(9, 1), Some("nonsense")),
            (place(9, 1), None),
        ] {
            let moved = End::Last.advance(&keys, &ours, Some((from, text)), place(11, 1)).unwrap();
            assert_eq!(moved.as_deref(), text, "{from:?} {text:?}");
        }
        let moved = End::First.advance(&keys, &ours, Some((place(2, 1), None)), place(9, 1)).unwrap();
        assert_eq!(moved, None);
    }
}
