//! What is known about who made a request.

use verger_jwt::SessionClaims;

pub(crate) const AUTH_STATUS: &str = "x-clerk-auth-status";
pub(crate) const AUTH_REASON: &str = "x-clerk-auth-reason";
pub(crate) const AUTH_MESSAGE: &str = "x-clerk-auth-message";

/// What is known about who made a request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum AuthState {
    /// Somebody is signed in.
    SignedIn(Session),
    /// Somebody has a session, and not yet done all that the instance demands, such as setting up a second factor: to be
    /// treated as signed out anywhere else than where that is done.
    Pending(Session),
    /// Nobody is signed in.
    SignedOut(SignedOut),
    /// Whether somebody is signed in is to be found out: answer 307 with these headers, of which one is `Location`.
    Handshake(SignedOut),
}

/// A session, and the token that proved it.
#[derive(Clone)]
#[non_exhaustive]
pub struct Session {
    /// What the token says.
    pub claims: SessionClaims,
    /// The token. It is as good as a password for a minute: no log may have it.
    pub token: String,
    /// Headers that the answer to the request must carry: `Set-Cookie` with a fresh token, and `Location` when the page is to
    /// be loaded again without the parameters of a handshake (answer 307 then).
    pub headers: Vec<(String, String)>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("sub", &self.claims.sub)
            .field("sid", &self.claims.sid)
            .finish_non_exhaustive()
    }
}

/// Why nobody is known to be signed in.
#[derive(Clone)]
#[non_exhaustive]
pub struct SignedOut {
    /// The reason as the official SDK names it, for example `session-token-and-uat-missing`.
    pub reason: String,
    /// More about it; often empty.
    pub message: String,
    /// Headers that the answer to the request must carry.
    pub headers: Vec<(String, String)>,
}

impl std::fmt::Debug for SignedOut {
    /// Not the headers: they carry tokens.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignedOut").field("reason", &self.reason).finish_non_exhaustive()
    }
}

impl AuthState {
    /// The session of somebody who is signed in; none of somebody whose session is pending.
    #[must_use]
    pub fn session(&self) -> Option<&Session> {
        match self {
            Self::SignedIn(session) => Some(session),
            _ => None,
        }
    }

    /// Why nobody is known to be signed in; `None` for a session, pending or not.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::SignedOut(out) | Self::Handshake(out) => Some(&out.reason),
            Self::SignedIn(_) | Self::Pending(_) => None,
        }
    }

    /// Headers that the answer to the request must carry.
    #[must_use]
    pub fn headers(&self) -> &[(String, String)] {
        match self {
            Self::SignedIn(session) | Self::Pending(session) => &session.headers,
            Self::SignedOut(out) | Self::Handshake(out) => &out.headers,
        }
    }

    /// Where the browser is to be sent, with the status 307 and the [`headers`](Self::headers).
    #[must_use]
    pub fn location(&self) -> Option<&str> {
        header(self.headers(), "location")
    }

    pub(crate) fn of_session(claims: SessionClaims, token: String, headers: Vec<(String, String)>) -> Self {
        let is_pending = claims.is_pending();
        let session = Session { claims, token, headers };
        if is_pending { Self::Pending(session) } else { Self::SignedIn(session) }
    }

    pub(crate) fn signed_out(
        reason: impl Into<String>,
        message: impl Into<String>,
        headers: Vec<(String, String)>,
    ) -> Self {
        Self::SignedOut(SignedOut::new("signed-out", reason.into(), message.into(), headers))
    }

    pub(crate) fn handshake(
        reason: impl Into<String>,
        message: impl Into<String>,
        headers: Vec<(String, String)>,
    ) -> Self {
        Self::Handshake(SignedOut::new("handshake", reason.into(), message.into(), headers))
    }
}

impl SignedOut {
    fn new(status: &str, reason: String, message: String, mut headers: Vec<(String, String)>) -> Self {
        if !message.is_empty() {
            headers.push((AUTH_MESSAGE.to_owned(), message.clone()));
        }
        headers.push((AUTH_REASON.to_owned(), reason.clone()));
        headers.push((AUTH_STATUS.to_owned(), status.to_owned()));
        Self { reason, message, headers }
    }
}

pub(crate) fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
}
