//! What makes the trail of changes tamper-evident: keys that are never in the database, a chain of keyed hashes, and seals
//! of both ends.
//!
//! The hash of a row covers the hash of the row before it under a key derived from `code_keys`, so that whoever can write the
//! database can neither change a row nor write a new trail. The seals tell a trail whose end was cut off from one that never
//! was longer. `chain`, `keys`, `seal` and `walk` are pure. See docs/adr/0013.

mod chain;
mod erase;
mod keys;
mod seal;
mod stored_keys;
mod verify;
mod walk;

pub(crate) use chain::{Content, ContentDigest, Hash, personal_digest};
pub(crate) use keys::TrailKeySlot;
pub use keys::{TrailKey, TrailKeys};
pub(crate) use seal::{End, Place, Proof, Seal};
pub use stored_keys::StoredTrailKey;
pub use verify::{AuditVerdict, VerifyProgress};
pub use walk::TrailPart;
