//! Argon2 (RFC 9106): our own digests, and those of others in the PHC string format.

use super::{Cost, Hasher, InvalidDigest, number};
use crate::is_equal;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use data_encoding::BASE64_NOPAD;
use std::hint::black_box;

/// The bytes of the salt of our own digests.
pub const SALT_BYTES: usize = 16;
/// The memory of our own digests, in KiB: 19 MiB.
pub(super) const OWN_MEMORY_KIB: u32 = 19_456;
/// The passes of our own digests.
const OWN_PASSES: u32 = 2;
/// The lanes of our own digests.
const OWN_LANES: u32 = 1;
/// The bytes of the result of our own digests.
const OWN_BYTES: usize = 32;
/// The most memory of an imported digest, in KiB: 256 MiB.
const MEMORY_KIB_MAX: u64 = 256 * 1_024;
/// The most work of an imported digest: KiB times passes.
const WORK_MAX: u64 = 1 << 22;
/// The most lanes of an imported digest.
const LANES_MAX: u64 = 8;
/// The most bytes of the salt and of the result of an imported digest.
const FIELD_BYTES_MAX: usize = 64;

const FORM: InvalidDigest = InvalidDigest(
    "must be in the PHC string format, `$argon2id$v=19$m=…,t=…,p=…$salt$hash` with the name of its hasher",
);

/// The memory that digests are made in. Kept between digests, because asking the system for 19 MiB takes a good part of the
/// time of one.
#[derive(Default)]
pub struct Workspace {
    blocks: Vec<Block>,
}

#[derive(Clone, PartialEq, Eq)]
pub(super) struct Argon {
    algorithm: Algorithm,
    version: Version,
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

impl Workspace {
    /// Gives the memory back to the system.
    pub fn release(&mut self) {
        self.blocks = Vec::new();
    }

    /// Runs a digest in this memory; that of a larger one is given back at once.
    fn run(&mut self, argon: &Argon2<'_>, password: &[u8], salt: &[u8], out: &mut [u8]) -> bool {
        let count = argon.params().block_count();
        if self.blocks.len() < count {
            self.blocks.resize(count, Block::default());
        }
        let is_done = self
            .blocks
            .get_mut(..count)
            .is_some_and(|blocks| argon.hash_password_into_with_memory(password, salt, out, blocks).is_ok());
        if count > OWN_MEMORY_KIB as usize {
            self.release();
        }
        is_done
    }
}

impl Argon {
    pub(super) fn parse(hasher: Hasher, text: &str) -> Result<Self, InvalidDigest> {
        let (algorithm, name) = match hasher {
            Hasher::Argon2i => (Algorithm::Argon2i, "argon2i"),
            _ => (Algorithm::Argon2id, "argon2id"),
        };
        let fields: Vec<&str> = text.split('$').collect();
        let (version, parameters, salt, hash) = match fields.as_slice() {
            ["", found, "v=19", parameters, salt, hash] if *found == name => {
                (Version::V0x13, parameters, salt, hash)
            }
            ["", found, "v=16", parameters, salt, hash] | ["", found, parameters, salt, hash]
                if *found == name =>
            {
                (Version::V0x10, parameters, salt, hash)
            }
            _ => return Err(FORM),
        };
        let values: Vec<&str> = parameters.split(',').collect();
        let [memory, passes, lanes] = values.as_slice() else { return Err(FORM) };
        let value = |text: &str, name: &str| text.strip_prefix(name).and_then(number).ok_or(FORM);
        let (memory, passes, lanes) = (value(memory, "m=")?, value(passes, "t=")?, value(lanes, "p=")?);
        if memory > MEMORY_KIB_MAX {
            return Err(InvalidDigest("needs too much memory: m can be at most 262144"));
        }
        if memory.saturating_mul(passes) > WORK_MAX {
            return Err(InvalidDigest("needs too much work: m × t can be at most 4194304"));
        }
        if lanes > LANES_MAX {
            return Err(InvalidDigest("has too many lanes: p can be at most 8"));
        }
        let field = |text: &str, bytes_min: usize| {
            let bytes = BASE64_NOPAD.decode(text.as_bytes()).map_err(|_| FORM)?;
            if (bytes_min..=FIELD_BYTES_MAX).contains(&bytes.len()) { Ok(bytes) } else { Err(FORM) }
        };
        let narrow = |number: u64| u32::try_from(number).map_err(|_| FORM);
        let argon = Self {
            algorithm,
            version,
            memory_kib: narrow(memory)?,
            passes: narrow(passes)?,
            lanes: narrow(lanes)?,
            salt: field(salt, argon2::MIN_SALT_LEN)?,
            hash: field(hash, 16)?,
        };
        // The least memory depends on the lanes.
        argon.params().map(|_| argon.clone()).ok_or(FORM)
    }

    fn params(&self) -> Option<Params> {
        Params::new(self.memory_kib, self.passes, self.lanes, Some(self.hash.len())).ok()
    }

    pub(super) fn verify(&self, password: &str, workspace: &mut Workspace) -> bool {
        let Some(params) = self.params() else { return false };
        let argon = Argon2::new(self.algorithm, self.version, params);
        let mut out = vec![0; self.hash.len()];
        workspace.run(&argon, password.as_bytes(), &self.salt, &mut out) && is_equal(&out, &self.hash)
    }

    pub(super) fn is_large(&self) -> bool {
        self.memory_kib > OWN_MEMORY_KIB
    }

    pub(super) fn cost(&self) -> Cost {
        let own = u64::from(OWN_MEMORY_KIB) * u64::from(OWN_PASSES);
        Cost::of(u64::from(self.memory_kib) * u64::from(self.passes), own)
    }
}

/// A digest of our own, in the PHC string format.
pub(super) fn own(password: &str, salt: [u8; SALT_BYTES], workspace: &mut Workspace) -> String {
    let hash = own_hash(password, salt, OWN_MEMORY_KIB, workspace);
    format!(
        "$argon2id$v=19$m={OWN_MEMORY_KIB},t={OWN_PASSES},p={OWN_LANES}${}${}",
        BASE64_NOPAD.encode(&salt),
        BASE64_NOPAD.encode(&hash)
    )
}

/// Works for so many thousandths of the time of a digest of our own.
pub(super) fn spend(thousandths: u64, workspace: &mut Workspace) {
    let memory_kib = u64::from(OWN_MEMORY_KIB) * thousandths.min(1_000) / 1_000;
    let memory_kib = u32::try_from(memory_kib).unwrap_or(OWN_MEMORY_KIB);
    if memory_kib >= Params::MIN_M_COST {
        black_box(own_hash("", [0; SALT_BYTES], memory_kib, workspace));
    }
}

fn own_hash(
    password: &str,
    salt: [u8; SALT_BYTES],
    memory_kib: u32,
    workspace: &mut Workspace,
) -> [u8; OWN_BYTES] {
    let mut hash = [0; OWN_BYTES];
    let params = Params::new(memory_kib, OWN_PASSES, OWN_LANES, Some(OWN_BYTES)).unwrap_or_default();
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let is_done = workspace.run(&argon, password.as_bytes(), &salt, &mut hash);
    // Only lengths and parameters can be wrong, and these are fixed: a result of zeros must never be stored.
    assert!(is_done, "argon2id with the parameters of the contract");
    hash
}
