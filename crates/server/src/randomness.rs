//! Where randomness comes from.

use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;
use rand::{Rng, TryRng};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What every request draws its ids and codes from, with a generator of its own.
pub struct Randomness(Source);

enum Source {
    /// The generator of the operating system, which needs no state here.
    System,
    /// One generator for tests, which all requests take turns at.
    Seeded(Shared),
}

/// A generator that several environments draw from, in the order in which they come.
#[derive(Clone)]
struct Shared(Arc<Mutex<Box<dyn Rng + Send>>>);

impl Randomness {
    /// The generator of the operating system (contract section 8): a copy of a running machine draws other codes, and threads
    /// do not wait for one another.
    ///
    /// # Errors
    /// The operating system has no randomness to give.
    pub fn system() -> std::io::Result<Self> {
        SysRng.try_next_u64().map_err(|error| std::io::Error::other(error.to_string()))?;
        Ok(Self(Source::System))
    }

    /// A generator whose draws a test knows.
    pub fn seeded(rng: Box<dyn Rng + Send>) -> Self {
        Self(Source::Seeded(Shared(Arc::new(Mutex::new(rng)))))
    }

    /// A generator for one decision.
    pub fn rng(&self) -> Box<dyn Rng + Send> {
        match &self.0 {
            // One that has answered does not fail later (getrandom(2)).
            Source::System => Box::new(UnwrapErr(SysRng)),
            Source::Seeded(shared) => Box::new(shared.clone()),
        }
    }
}

impl Shared {
    fn rng(&self) -> MutexGuard<'_, Box<dyn Rng + Send>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TryRng for Shared {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.rng().next_u32())
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.rng().next_u64())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.rng().fill_bytes(bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    #[test]
    fn requests_of_a_seeded_server_draw_one_sequence_and_those_of_a_real_one_never_the_same() {
        let seeded = || Box::new(StdRng::seed_from_u64(7));
        let randomness = Randomness::seeded(seeded());
        let (mut one, mut other, mut alone) = (randomness.rng(), randomness.rng(), seeded());
        for _ in 0..3 {
            assert_eq!((one.next_u64(), other.next_u64()), (alone.next_u64(), alone.next_u64()));
        }
        let system = Randomness::system().unwrap();
        assert_ne!(system.rng().next_u64(), system.rng().next_u64());
    }
}
