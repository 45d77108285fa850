//! Answers that are kept for an `Idempotency-Key` (contract section 4).

use crate::answer::Answer;
use crate::clock::WatchedClock;
use crate::codes::Keyring;
use crate::error::Failure;
use verger_http::headers::WriteHeaders;
use verger_http::reasons::IDEMPOTENCY_KEY_REUSED;
use verger_store::StoredAnswer;
use verger_wire::InstanceId;

/// What the headers of a request ask of a write, and what its answer is kept with.
pub(super) struct Asked<'a> {
    pub(super) headers: WriteHeaders,
    /// What makes two requests the same; there if the request has a key.
    pub(super) fingerprint: Option<String>,
    pub(super) instance: &'a InstanceId,
    pub(super) keyring: &'a Keyring,
    pub(super) clock: &'a WatchedClock,
}

impl Asked<'_> {
    /// The stored form of an answer; to be written in one batch with its changes.
    pub(super) fn to_keep(&self, answer: &Answer) -> Result<Option<StoredAnswer>, Failure> {
        let (Some(key), Some(fingerprint)) = (&self.headers.idempotency_key, &self.fingerprint) else {
            return Ok(None);
        };
        let mut answer = answer.clone();
        if answer.is_sealed {
            let cannot = || Failure::Bug("an answer could not be sealed".to_owned());
            answer.body = self.keyring.seal(&self.seal_of(key), &answer.body).ok_or_else(cannot)?;
        }
        Ok(Some(StoredAnswer {
            idempotency_key: key.clone(),
            fingerprint: self.keyring.sign_fingerprint(self.instance.as_str(), fingerprint),
            response: serde_json::to_string(&answer).map_err(|error| Failure::Bug(error.to_string()))?,
            created_at: self.clock.now(),
        }))
    }

    /// The key of the request, if there can be an answer to it already.
    pub(super) fn replayable(&self) -> Option<(&str, &str)> {
        let key = self.headers.idempotency_key.as_deref().filter(|_| !self.headers.dry_run)?;
        Some((key, self.fingerprint.as_deref()?))
    }

    /// Opens a stored answer; refuses one to another request.
    pub(super) fn open(
        &self,
        key: &str,
        fingerprint: &str,
        stored: &StoredAnswer,
    ) -> Result<Answer, Failure> {
        if !self.keyring.is_fingerprint(self.instance.as_str(), fingerprint, &stored.fingerprint) {
            return Err((&IDEMPOTENCY_KEY_REUSED).into());
        }
        let mut answer: Answer =
            serde_json::from_str(&stored.response).map_err(|error| Failure::Bug(error.to_string()))?;
        if answer.is_sealed {
            let cannot =
                || Failure::Bug("an answer was sealed with a key that is not in code_keys".to_owned());
            answer.body = self.keyring.open(&self.seal_of(key), &answer.body).ok_or_else(cannot)?;
        }
        answer.is_replayed = true;
        Ok(answer)
    }

    fn seal_of(&self, key: &str) -> String {
        format!("answer in {} to {key}", self.instance)
    }
}
