//! Readiness: whether a write that is requested now would be stored.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use verger_store::{Deaths, Store, StoreError};

/// For how long the outcome of a commit counts; after that, an empty commit is made.
const COMMIT_COUNTS: Duration = Duration::from_secs(5);
/// The same after a failure: shorter, so that a recovered server becomes ready soon.
const FAILURE_COUNTS: Duration = Duration::from_secs(1);
/// Time limit of an answer: health checks wait for at least a second.
const PATIENCE: Duration = Duration::from_millis(900);
/// Time limit of an empty commit.
const PROOF_MAX: Duration = Duration::from_secs(5);

type Outcome = Option<Result<(), String>>;

/// The state that is kept between two health checks.
#[derive(Default)]
pub(crate) struct Readiness {
    proof: Mutex<Option<Proof>>,
    /// The reason that was last logged.
    told: Mutex<Option<&'static str>>,
}

/// An empty commit, in progress or done.
struct Proof {
    outcome: watch::Receiver<Outcome>,
}

impl Readiness {
    /// Why the server is not ready, in words that are safe to publish; the log has the cause.
    pub(crate) async fn why_not(
        &self,
        store: &Arc<Store>,
        deaths: &Deaths,
        is_draining: bool,
    ) -> Option<String> {
        if is_draining {
            return Some("closing".to_owned());
        }
        let now = Instant::now();
        if let Some(trouble) = store.trouble() {
            return Some(trouble.words());
        }
        if let Some(dying) = deaths.trouble(now) {
            return Some(dying);
        }
        let (read, written) = tokio::join!(store.ping(now + PATIENCE), self.last_write(store));
        let (reason, cause) = match (read, written) {
            (Ok(()), Ok(())) => {
                if self.told().take().is_some() {
                    tracing::info!("the server is ready again");
                }
                return None;
            }
            (_, Err(cause)) => (write_words(&cause), cause),
            (Err(error), Ok(())) => ("the store cannot be read", error.to_string()),
        };
        if self.told().replace(reason) != Some(reason) {
            tracing::warn!(reason, cause, "the server is not ready");
        }
        Some(reason.to_owned())
    }

    fn told(&self) -> MutexGuard<'_, Option<&'static str>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The outcome of the last commit if it is recent, otherwise of an empty one. Concurrent checks share one empty
    /// commit.
    async fn last_write(&self, store: &Arc<Store>) -> Result<(), String> {
        if let Some(outcome) = recent(store) {
            return outcome;
        }
        let mut outcome = self.proof(store);
        let waiting = tokio::time::timeout(PATIENCE, outcome.wait_for(Option::is_some)).await;
        match waiting {
            Ok(Ok(outcome)) => outcome.clone().unwrap_or(Ok(())),
            Ok(Err(_)) => Err("the empty write died".to_owned()),
            Err(_) => Err(SLOW.to_owned()),
        }
    }

    fn proof(&self, store: &Arc<Store>) -> watch::Receiver<Outcome> {
        let mut proof = self.proof.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Proof { outcome }) = &*proof
            && outcome.borrow().is_none()
            && outcome.has_changed().is_ok()
        {
            return outcome.clone();
        }
        let (done, outcome) = watch::channel(None);
        let store = Arc::clone(store);
        // The caller may be cancelled; the write is awaited nevertheless.
        tokio::spawn(async move {
            let proved = store.prove_writable(Instant::now() + PROOF_MAX).await;
            done.send_replace(Some(proved.map_err(|error: StoreError| error.to_string())));
        });
        *proof = Some(Proof { outcome: outcome.clone() });
        outcome
    }
}

/// The outcome of the last commit, if it is recent enough.
fn recent(store: &Store) -> Option<Result<(), String>> {
    let (ended_at, outcome) = store.last_commit()?;
    let counts = if outcome.is_ok() { COMMIT_COUNTS } else { FAILURE_COUNTS };
    (ended_at.elapsed() < counts).then_some(outcome)
}

const SLOW: &str = "a commit takes longer than a second";

/// Words that are safe to publish. The cause can name hosts and files.
fn write_words(cause: &str) -> &'static str {
    let cause = cause.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| cause.contains(word));
    if has(&["is full", "53100", "no space left"]) {
        "the last write to the store failed: the disk is full"
    } else if has(&["readonly", "read-only", "25006"]) {
        "the last write to the store failed: it is read-only"
    } else if has(&["is locked"]) {
        "the last write to the store failed: another process has it locked"
    } else if has(&["takes longer", "in time", "too long"]) {
        "the last write to the store took too long"
    } else {
        "the last write to the store failed"
    }
}
