//! The pages of `verger dev`: where one begins, and the messages that would have been sent.

use crate::app::{App, Dev, VergerDev};
use crate::demo::DemoError;
use crate::error::Failure;
use crate::inbox::{CodeEnd, InboxMessage};
use askama::Template;
use std::time::Instant;
use verger_core::invitation::InvitationStatus;
use verger_core::verification::CODE_LIFETIME_MS;
use verger_core::{FrontendHost, IdentifierKind, PendingCode, User, VerificationStatus};
use verger_http::input::Query;
use verger_store::UserFilter;
use verger_wire::input::Input;
use verger_wire::{IdentificationId, InstanceId, InvitationId, UnixMillis, VerificationId};

impl From<DemoError> for Failure {
    fn from(error: DemoError) -> Self {
        match error {
            DemoError::Refused(why) => Self::Bug(why),
            DemoError::Store(error) => error.into(),
        }
    }
}

/// Messages on the page.
const SHOWN_MAX: usize = 200;

#[derive(Template)]
#[template(path = "start.html")]
struct StartPage<'a> {
    address: &'a str,
    host: &'a str,
    key_end: &'a str,
    key_hint: &'a str,
    /// `None` under a host that no publishable key can name, such as `localhost`.
    publishable_key: Option<String>,
    users: i64,
    demo: Option<ShownUser>,
    messages: usize,
}

struct ShownUser {
    id: String,
    phone_numbers: Vec<(String, String)>,
}

/// Where one begins: what there is to look at, and what to give to an application. Never the secret key.
pub(crate) async fn start_page(
    app: &App,
    of: &VergerDev,
    demo: Option<&User>,
    address: &str,
    deadline: Instant,
) -> Result<String, Failure> {
    let users = app.store.instance(&of.instance.id).count_users(&UserFilter::default(), deadline).await?;
    let messages = app.dev.as_ref().map_or(0, |dev| dev.inbox.list(None, usize::MAX, |_| true).len());
    let demo = demo.map(|user| {
        let numbers = user.newest_first(IdentifierKind::PhoneNumber).into_iter().rev();
        let shown = numbers.map(|held| (held.identifier.as_str().to_owned(), held.id.to_string()));
        ShownUser { id: user.id.to_string(), phone_numbers: shown.collect() }
    });
    let page = StartPage {
        address,
        host: host_of(address),
        key_end: &of.key_end,
        key_hint: &of.key_hint,
        publishable_key: FrontendHost::parse(host_of(address))
            .ok()
            .map(|host| host.publishable_key(of.instance.environment)),
        users,
        demo,
        messages,
    };
    page.render().map_err(|error| Failure::Bug(error.to_string()))
}

fn host_of(address: &str) -> &str {
    address.split_once("://").map_or(address, |(_, host)| host)
}

#[derive(Template)]
#[template(path = "inbox.html")]
struct InboxPage<'a> {
    nonce: &'a str,
    address: &'a str,
    host: &'a str,
    /// Where the secret key is, in words.
    key_hint: Option<&'a str>,
    user_id: String,
    list: InboxList,
}

#[derive(Template)]
#[template(path = "inbox_list.html")]
struct InboxList {
    /// How far clocks were moved, in words.
    moved: Vec<String>,
    messages: Vec<Shown>,
}

struct Shown {
    message: InboxMessage,
    at: String,
    state: &'static str,
    state_text: String,
}

/// What can become of a code, or of the link of an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CodeState {
    Valid { left_ms: i64 },
    Ended(CodeEnd),
}

impl CodeState {
    fn name(self) -> &'static str {
        match self {
            Self::Valid { .. } => "valid",
            Self::Ended(CodeEnd::Used) => "used",
            Self::Ended(CodeEnd::Replaced) => "replaced",
            Self::Ended(CodeEnd::Ended) => "ended",
            Self::Ended(CodeEnd::Expired) => "expired",
            Self::Ended(CodeEnd::Failed) => "failed",
        }
    }

    fn in_words(self) -> String {
        match self {
            Self::Valid { left_ms } => format!("valid for {}", time_in_words(left_ms)),
            Self::Ended(CodeEnd::Used) => "used".to_owned(),
            Self::Ended(CodeEnd::Replaced) => "replaced".to_owned(),
            Self::Ended(CodeEnd::Ended) => "ended".to_owned(),
            Self::Ended(CodeEnd::Expired) => "expired".to_owned(),
            Self::Ended(CodeEnd::Failed) => "failed: too many wrong codes".to_owned(),
        }
    }
}

/// A length of time for people, in its largest unit; rounded up, so that what is left is never nothing.
fn time_in_words(ms: i64) -> String {
    for (unit, unit_ms) in [("d", 86_400_000), ("h", 3_600_000), ("min", 60_000)] {
        if ms >= unit_ms {
            return format!("{} {unit}", ms.div_euclid(unit_ms) + i64::from(ms.rem_euclid(unit_ms) > 0));
        }
    }
    format!("{} s", ms.max(0).div_euclid(1_000) + i64::from(ms.rem_euclid(1_000) > 0))
}

/// How a code stands, by what the store says of it and of its number or address.
fn state_of(
    message: &InboxMessage,
    tried: Option<&PendingCode>,
    newest: Option<&PendingCode>,
    now: UnixMillis,
) -> CodeState {
    let Some(tried) = tried else {
        // The user, the number or the address is gone.
        let is_over = now >= message.created_at.plus_ms(CODE_LIFETIME_MS);
        return CodeState::Ended(if is_over { CodeEnd::Expired } else { CodeEnd::Ended });
    };
    let end = match (tried.status(now), newest) {
        (VerificationStatus::Verified, _) => CodeEnd::Used,
        (VerificationStatus::Failed, _) => CodeEnd::Failed,
        // One that was over before another was sent was not replaced.
        (_, Some(newest)) if newest.id != tried.id && newest.created_at < tried.expire_at => {
            CodeEnd::Replaced
        }
        (VerificationStatus::Expired, _) => CodeEnd::Expired,
        (VerificationStatus::Unverified, Some(newest)) if newest.id == tried.id => {
            return CodeState::Valid { left_ms: tried.expire_at.0 - now.0 };
        }
        (VerificationStatus::Unverified, _) => CodeEnd::Ended,
    };
    CodeState::Ended(end)
}

async fn code_state(app: &App, message: &InboxMessage, deadline: Instant) -> Result<CodeState, Failure> {
    if let Some(end) = message.end {
        return Ok(CodeState::Ended(end));
    }
    if let (Some(instance), Some(id)) = (&message.instance, &message.invitation_id) {
        return invitation_state(app, instance, &InvitationId::from(id.as_str()), deadline).await;
    }
    let id = message.phone_number_id.as_ref().or(message.email_address_id.as_ref());
    let (Some(instance), Some(id)) = (&message.instance, id) else {
        return Err(Failure::Bug("a message of nobody".to_owned()));
    };
    let (id, tried) =
        (IdentificationId::from(id.as_str()), VerificationId::from(message.verification_id.as_str()));
    let scoped = app.store.instance(instance);
    let tried = scoped.load_verification(&id, &tried, deadline).await?;
    let held = scoped.load_identification(&id, deadline).await?;
    let newest = held.and_then(|held| held.identification.pending_code);
    let now = app.now(instance);
    let tried = tried.map(|tried| tried.settled(now));
    Ok(state_of(message, tried.as_ref(), newest.as_ref(), now))
}

/// How the link of an invitation stands.
async fn invitation_state(
    app: &App,
    instance: &InstanceId,
    id: &InvitationId,
    deadline: Instant,
) -> Result<CodeState, Failure> {
    let found = app.store.instance(instance).invitation(id, deadline).await?;
    let now = app.now(instance);
    Ok(match found.map(|invitation| (invitation.status_at(now), invitation.expires_at)) {
        Some((InvitationStatus::Pending, expires_at)) => CodeState::Valid { left_ms: expires_at.0 - now.0 },
        Some((InvitationStatus::Accepted, _)) => CodeState::Ended(CodeEnd::Used),
        Some((InvitationStatus::Expired, _)) => CodeState::Ended(CodeEnd::Expired),
        Some((InvitationStatus::Revoked, _)) | None => CodeState::Ended(CodeEnd::Ended),
    })
}

async fn inbox_list(app: &App, dev: &Dev, deadline: Instant) -> Result<InboxList, Failure> {
    let (mut messages, mut ends) = (Vec::new(), Vec::new());
    for message in dev.inbox.list(None, SHOWN_MAX, |_| true) {
        let state = code_state(app, &message, deadline).await?;
        if let (CodeState::Ended(end), None) = (state, message.end) {
            ends.push((message.id.clone(), end));
        }
        let at = crate::clock::for_people(message.created_at);
        messages.push(Shown { at, state: state.name(), state_text: state.in_words(), message });
    }
    dev.inbox.set_ends(&ends);
    let moved = dev.moved_clocks().into_iter().map(|(instance, ms)| {
        format!(
            "The clock of {instance} was moved forward by {}: times below use that clock.",
            time_in_words(ms)
        )
    });
    Ok(InboxList { moved: moved.collect(), messages })
}

/// The whole page; `nonce` is of the content security policy.
pub(crate) async fn inbox_page(
    app: &App,
    dev: &Dev,
    demo: Option<&User>,
    address: &str,
    nonce: &str,
    deadline: Instant,
) -> Result<String, Failure> {
    let page = InboxPage {
        nonce,
        address,
        host: host_of(address),
        key_hint: dev.verger_dev.get().map(|of| of.key_hint.as_str()),
        user_id: demo.map_or_else(|| "USER_ID".to_owned(), |user| user.id.to_string()),
        list: inbox_list(app, dev, deadline).await?,
    };
    page.render().map_err(|error| Failure::Bug(error.to_string()))
}

/// The part of the page that changes.
pub(crate) async fn inbox_part(app: &App, dev: &Dev, deadline: Instant) -> Result<String, Failure> {
    inbox_list(app, dev, deadline).await?.render().map_err(|error| Failure::Bug(error.to_string()))
}

/// `GET /inbox.json`.
#[derive(Input)]
#[wire(query)]
struct InboxParams {
    /// Only the message with this id: `sms_…`.
    id: Option<String>,
}

/// All messages, or the one with this id, as JSON.
pub(crate) fn inbox_json(dev: &Dev, query: Option<&str>) -> Result<String, Failure> {
    let InboxParams { id } = Query::parse(query, "")?.read::<InboxParams>().finish()?;
    let messages = dev.inbox.list(None, usize::MAX, |message| id.as_ref().is_none_or(|id| message.id == *id));
    if id.is_some() && messages.is_empty() {
        return Err(Failure::not_found("message"));
    }
    serde_json::to_string_pretty(&messages).map_err(|error| Failure::Bug(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_told_in_the_largest_unit_and_never_as_nothing() {
        for (ms, words) in [
            (1, "1 s"),
            (999, "1 s"),
            (1_000, "1 s"),
            (59_001, "60 s"),
            (60_000, "1 min"),
            (60_001, "2 min"),
            (600_000, "10 min"),
            (3_600_000, "1 h"),
            (90_000_000, "2 d"),
        ] {
            assert_eq!(time_in_words(ms), words, "{ms}");
        }
    }
}
