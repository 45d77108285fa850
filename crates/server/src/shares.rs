//! A semaphore whose permits are limited in total and per holder.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore, TryAcquireError};

/// The permits, and how many of them each holder has.
pub(crate) struct Shares {
    all: Arc<Semaphore>,
    share_max: usize,
    shares: Mutex<HashMap<String, Arc<Semaphore>>>,
}

/// A permit; released when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    _of_share: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

/// Why no permit is available.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoPlace {
    /// The holder has as many as one may have.
    Share,
    /// All permits are taken.
    All,
}

impl Shares {
    pub(crate) fn new(places_max: usize, share_max: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(places_max)), share_max, shares: Mutex::default() }
    }

    /// Waits for a permit. A holder that waits for its own limit takes no permit from others meanwhile.
    pub(crate) async fn wait(&self, who: &str) -> Result<Place, AcquireError> {
        let of_share = self.share(who).acquire_owned().await?;
        let of_all = Arc::clone(&self.all).acquire_owned().await?;
        Ok(Place { _of_share: of_share, _of_all: of_all })
    }

    /// A permit, if one is available now.
    pub(crate) fn take(&self, who: &str) -> Result<Place, NoPlace> {
        let full = |no_place| move |_: TryAcquireError| no_place;
        let of_share = self.share(who).try_acquire_owned().map_err(full(NoPlace::Share))?;
        let of_all = Arc::clone(&self.all).try_acquire_owned().map_err(full(NoPlace::All))?;
        Ok(Place { _of_share: of_share, _of_all: of_all })
    }

    fn share(&self, who: &str) -> Arc<Semaphore> {
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        // Drops those who neither have nor wait for a permit.
        shares.retain(|_, share| Arc::strong_count(share) > 1);
        let share = shares.entry(who.to_owned());
        Arc::clone(share.or_insert_with(|| Arc::new(Semaphore::new(self.share_max))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nobody_gets_more_than_a_share_and_all_together_no_more_than_there_are() {
        let shares = Shares::new(5, 2);
        let take = |who| shares.take(who);
        let mut places: Vec<_> = ["a", "a", "b", "b", "c"].map(|who| take(who).unwrap()).into();
        assert_eq!(take("a").unwrap_err(), NoPlace::Share);
        assert_eq!(take("c").unwrap_err(), NoPlace::All);
        let waiting = shares.wait("d");
        drop(places.pop());
        places.push(waiting.await.unwrap());
        assert_eq!(take("c").unwrap_err(), NoPlace::All);
        // Those who have released all permits are removed.
        places.clear();
        drop(take("a").unwrap());
        assert_eq!(shares.shares.lock().unwrap().len(), 1);
    }
}
