//! A client: one browser or device, known by a secret that changes at every completed authentication.
//!
//! A secret that was replaced stays known for a while, for what it knew: requests that were under way, or of other tabs, must
//! not sign anybody out. And the answer that carried the new one may have been lost: then the former one is taken back, and
//! what came after it ends. Whether a session is over is the session's own affair; here is only which secret reaches which.

use crate::session::Proofs;
use crate::time::CLOCKS_DIFFER_MS;
use std::collections::{BTreeMap, BTreeSet};
use verger_wire::{ClientId, SessionId, UnixMillis};

/// How long a replaced secret stays known once its successor was presented; and how long a successor that nobody presents
/// counts as on its way, in milliseconds.
pub const REPLACED_SECRET_MS: i64 = 60 * 1000;
/// The most replaced secrets that are kept of a client.
pub const REPLACED_SECRETS_MAX: usize = 8;

/// A client, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// `client_…`, given at creation and never to another client.
    pub id: ClientId,
    /// Moves by one with every change.
    pub version: i64,
    /// The secret that opens everything of the client.
    pub secret: ClientSecret,
    /// Secrets that were replaced, the oldest first. Only the last can be without an end.
    pub replaced: Vec<ReplacedSecret>,
    /// The sign-in under way.
    pub sign_in_id: Option<String>,
    /// The sign-up under way.
    pub sign_up_id: Option<String>,
    /// The session that was used last.
    pub last_active_session_id: Option<SessionId>,
    /// The strategy of the last completed authentication, such as `phone_code`.
    pub last_authentication_strategy: Option<String>,
    /// When somebody last signed in or out on it, in **real time**: browsers and SDKs compare it with their own clock. No
    /// session token has an `iat` before it.
    pub signed_at: UnixMillis,
    /// When it was created, by the clock of the instance.
    pub created_at: UnixMillis,
    /// When it last changed, by the clock of the instance.
    pub updated_at: UnixMillis,
}

/// The digest of a secret of a client: SHA-256 in hexadecimal. The secret has 256 random bits, so nobody finds it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretDigest(pub String);

/// The current secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientSecret {
    /// What it is compared by.
    pub digest: SecretDigest,
    /// When it was given out.
    pub issued_at: UnixMillis,
    /// When it was first presented: until then nobody knows whether its answer arrived.
    pub presented_at: Option<UnixMillis>,
}

/// A secret that was replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplacedSecret {
    /// What it is compared by.
    pub digest: SecretDigest,
    /// When it was replaced.
    pub replaced_at: UnixMillis,
    /// When it ends; `None` while its successor was not presented.
    pub ends_at: Option<UnixMillis>,
    /// The sessions that it had, with the proofs that they had then.
    pub sessions: BTreeMap<SessionId, Proofs>,
}

/// Two clocks: that of the instance, which can be moved in development, and the machine's.
#[derive(Clone, Copy, Debug)]
pub struct Clocks {
    /// The clock of the instance.
    pub now: UnixMillis,
    /// The real time.
    pub real: UnixMillis,
}

/// What a secret that was presented opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everything of the client.
    Full,
    /// These sessions alone, with these proofs.
    Former(BTreeMap<SessionId, Proofs>),
    /// Nothing: it has ended, or was never one of this client.
    Unknown,
}

/// What follows from a secret that was presented.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presented {
    /// What it opens.
    pub access: Access,
    /// The client, if it changed. Nothing may be answered before it is stored.
    pub after: Option<Client>,
    /// Set if a replaced secret was taken back: sessions of the client that are not among these end, and those that are have
    /// these proofs again.
    pub taken_back: Option<BTreeMap<SessionId, Proofs>>,
}

/// A completed authentication.
#[derive(Clone, Debug)]
pub struct Authenticated {
    /// The digest of the new secret.
    pub secret: SecretDigest,
    /// The sessions of the client that are active or pending, as they were before it.
    pub sessions: BTreeMap<SessionId, Proofs>,
    /// The session that it opened or renewed.
    pub session: SessionId,
    /// For example `phone_code`.
    pub strategy: String,
}

/// A rule that a stored client breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrokenClient {
    /// A replaced secret that is not the last one has no end, or the last one has one though its successor was not presented,
    /// or none though it was.
    ReplacedWithoutEnd,
    /// Two of its secrets are the same.
    SecretTwice,
    /// More than [`REPLACED_SECRETS_MAX`].
    TooManyReplaced,
}

impl Client {
    /// A client that has just got its first secret.
    pub fn create(id: ClientId, secret: SecretDigest, clocks: Clocks) -> Self {
        Self {
            id,
            version: 1,
            secret: ClientSecret { digest: secret, issued_at: clocks.now, presented_at: None },
            replaced: Vec::new(),
            sign_in_id: None,
            sign_up_id: None,
            last_active_session_id: None,
            last_authentication_strategy: None,
            signed_at: clocks.real,
            created_at: clocks.now,
            updated_at: clocks.now,
        }
    }

    /// What a secret opens, and what follows from its being presented.
    pub fn present(&self, secret: &SecretDigest, clocks: Clocks) -> Presented {
        let opens = |access| Presented { access, after: None, taken_back: None };
        if self.secret.digest == *secret {
            let after = self.secret.presented_at.is_none().then(|| self.first_presented(clocks.now));
            return Presented { after, ..opens(Access::Full) };
        }
        let Some(replaced) = self.replaced.iter().find(|replaced| replaced.digest == *secret) else {
            return opens(Access::Unknown);
        };
        match replaced.ends_at {
            Some(ends_at) if clocks.now >= ends_at => opens(Access::Unknown),
            None if clocks.now >= replaced.replaced_at.plus_ms(REPLACED_SECRET_MS) => Presented {
                access: Access::Full,
                after: Some(self.taken_back(replaced, clocks)),
                taken_back: Some(replaced.sessions.clone()),
            },
            _ => opens(Access::Former(replaced.sessions.clone())),
        }
    }

    /// The client after a completed authentication, which was made with its current secret: that one is replaced.
    #[must_use]
    pub fn authenticated(&self, new: Authenticated, clocks: Clocks) -> Self {
        // Whoever completes it has presented the current secret, even if nothing was written down of that.
        let presented =
            if self.secret.presented_at.is_none() { self.first_presented(clocks.now) } else { self.clone() };
        let mut after = presented;
        after.replaced.retain(|replaced| replaced.ends_at.is_none_or(|ends_at| ends_at > clocks.now));
        after.replaced.push(ReplacedSecret {
            digest: self.secret.digest.clone(),
            replaced_at: clocks.now,
            ends_at: None,
            sessions: new.sessions,
        });
        let surplus = after.replaced.len().saturating_sub(REPLACED_SECRETS_MAX);
        after.replaced.drain(..surplus);
        after.secret = ClientSecret { digest: new.secret, issued_at: clocks.now, presented_at: None };
        after.sign_in_id = None;
        after.sign_up_id = None;
        after.last_active_session_id = Some(new.session);
        after.last_authentication_strategy = Some(new.strategy);
        after.signed(clocks).touched(self, clocks.now)
    }

    /// The client after some of its sessions ended.
    #[must_use]
    pub fn signed_out(&self, ended: &[SessionId], clocks: Clocks) -> Self {
        let mut after = self.clone();
        if after.last_active_session_id.as_ref().is_some_and(|last| ended.contains(last)) {
            after.last_active_session_id = None;
        }
        after.signed(clocks).touched(self, clocks.now)
    }

    /// The client after a session of it was chosen. It is no sign-in: no token becomes too old by it.
    #[must_use]
    pub fn activated(&self, session: SessionId, now: UnixMillis) -> Self {
        if self.last_active_session_id.as_ref() == Some(&session) {
            return self.clone();
        }
        Self { last_active_session_id: Some(session), ..self.clone() }.touched(self, now)
    }

    /// The client after sessions of it are gone together with their user: none of its secrets remembers them.
    #[must_use]
    pub fn forgetting(&self, gone: &BTreeSet<SessionId>, now: UnixMillis) -> Self {
        let mut after = self.clone();
        for replaced in &mut after.replaced {
            replaced.sessions.retain(|session, _| !gone.contains(session));
        }
        after.last_active_session_id = after.last_active_session_id.filter(|last| !gone.contains(last));
        if after == *self { after } else { after.touched(self, now) }
    }

    /// Whether the secret that it was replaced by never arrived anywhere, as far as is known.
    pub fn awaits_successor(&self) -> bool {
        self.replaced.last().is_some_and(|replaced| replaced.ends_at.is_none())
    }

    /// Every digest by which it is found.
    pub fn digests(&self) -> impl Iterator<Item = &SecretDigest> {
        std::iter::once(&self.secret.digest).chain(self.replaced.iter().map(|replaced| &replaced.digest))
    }

    /// Looks at every rule that one client can break by itself. Runs after every load.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn check(&self) -> Result<(), BrokenClient> {
        if self.replaced.len() > REPLACED_SECRETS_MAX {
            return Err(BrokenClient::TooManyReplaced);
        }
        let mut digests: Vec<_> = self.digests().collect();
        digests.sort();
        if digests.windows(2).any(|pair| matches!(pair, [one, other] if one == other)) {
            return Err(BrokenClient::SecretTwice);
        }
        let (last, earlier) = match self.replaced.split_last() {
            Some((last, earlier)) => (Some(last), earlier),
            None => (None, self.replaced.as_slice()),
        };
        let is_wrong = earlier.iter().any(|replaced| replaced.ends_at.is_none())
            || last.is_some_and(|last| last.ends_at.is_some() != self.secret.presented_at.is_some());
        if is_wrong { Err(BrokenClient::ReplacedWithoutEnd) } else { Ok(()) }
    }

    fn first_presented(&self, now: UnixMillis) -> Self {
        let mut after = self.clone();
        after.secret.presented_at = Some(now);
        if let Some(last) = after.replaced.last_mut() {
            last.ends_at = Some(now.plus_ms(REPLACED_SECRET_MS));
        }
        after.touched(self, now)
    }

    /// Its answer was lost, and so is everything that came with the current secret.
    fn taken_back(&self, replaced: &ReplacedSecret, clocks: Clocks) -> Self {
        let mut after = self.clone();
        after.replaced.retain(|other| other.digest != replaced.digest);
        after.secret = ClientSecret {
            digest: replaced.digest.clone(),
            issued_at: replaced.replaced_at,
            presented_at: Some(clocks.now),
        };
        after.sign_in_id = None;
        after.sign_up_id = None;
        after.last_active_session_id =
            after.last_active_session_id.filter(|last| replaced.sessions.contains_key(last));
        after.signed(clocks).touched(self, clocks.now)
    }

    /// Tokens are newer than it in whole seconds, so it does not move back; unless a clock was ahead that wrote it.
    fn signed(self, clocks: Clocks) -> Self {
        let latest = clocks.real.plus_ms(CLOCKS_DIFFER_MS);
        let signed_at = clocks.real.max(self.signed_at.min(latest));
        Self { signed_at, ..self }
    }

    fn touched(mut self, before: &Self, now: UnixMillis) -> Self {
        self.version = before.version + 1;
        self.updated_at = now.max(before.updated_at.plus_ms(1));
        debug_assert_eq!(self.check(), Ok(()));
        self
    }
}
