//! Sessions, clients, JWT templates and tickets as the API shows them.

use crate::sessions::{demands_of, rules_of};
use verger_core::session::{Demands, SessionStatus};
use verger_core::ticket::Purpose;
use verger_core::{Client, JwtTemplate, Session, Settings, Ticket, User};
use verger_wire as wire;
use verger_wire::UnixMillis;

/// A session as it is now. `user` decides whether it is pending.
pub(crate) fn session(
    session: &Session,
    settings: &Settings,
    user: Option<&User>,
    now: UnixMillis,
) -> wire::session::Session {
    let rules = rules_of(settings);
    let demands = user.map_or_else(Demands::default, |user| demands_of(settings, user));
    let status = session.status(&rules, demands, now);
    let tasks = (status == SessionStatus::Pending).then(|| {
        let tasks = session.tasks(demands).into_iter();
        tasks.map(|task| wire::session::SessionTask { key: task.as_str().to_owned() }).collect()
    });
    wire::session::Session {
        object: "session".to_owned(),
        id: session.id.to_string(),
        user_id: session.user_id.to_string(),
        client_id: session.client_id.to_string(),
        actor: session.actor().cloned(),
        status: status.as_str().to_owned(),
        last_active_organization_id: session.last_active_organization_id.clone(),
        last_active_at: session.last_active_at,
        latest_activity: activity(session),
        expire_at: session.expires_at(&rules),
        abandon_at: session.abandon_at,
        updated_at: session.updated_at,
        created_at: session.created_at,
        tasks,
    }
}

/// There is one for each session, so that it has the session's id.
fn activity(session: &Session) -> Option<wire::session::SessionActivity> {
    let activity = session.activity.as_ref()?;
    let id = session.id.as_str();
    Some(wire::session::SessionActivity {
        object: "session_activity".to_owned(),
        id: format!("sess_activity_{}", id.strip_prefix("sess_").unwrap_or(id)),
        device_type: activity.device_type.clone(),
        is_mobile: activity.is_mobile,
        browser_name: activity.browser_name.clone(),
        browser_version: activity.browser_version.clone(),
        ip_address: activity.ip_address.clone(),
    })
}

/// A client with these sessions of it, which are active or pending.
pub(crate) fn client(client: &Client, sessions: Vec<wire::session::Session>) -> wire::client::Client {
    let session_ids: Vec<_> = sessions.iter().map(|session| session.id.clone()).collect();
    let last = client.last_active_session_id.as_ref().map(ToString::to_string);
    wire::client::Client {
        object: "client".to_owned(),
        id: client.id.to_string(),
        last_active_session_id: last.filter(|last| session_ids.contains(last)),
        session_ids,
        sessions,
        sign_in_id: client.sign_in_id.clone(),
        sign_up_id: client.sign_up_id.clone(),
        last_authentication_strategy: client.last_authentication_strategy.clone(),
        // In real time: browsers and SDKs compare it with the `iat` of tokens.
        updated_at: client.signed_at,
        created_at: client.created_at,
    }
}

/// A JWT template, without its key.
pub(crate) fn jwt_template(template: &JwtTemplate) -> wire::jwt_template::JwtTemplate {
    let key = template.signing_key.as_ref();
    wire::jwt_template::JwtTemplate {
        object: "jwt_template".to_owned(),
        id: template.id.to_string(),
        name: template.name.clone(),
        claims: template.claims.clone(),
        lifetime: template.lifetime_seconds,
        allowed_clock_skew: template.clock_skew_seconds,
        custom_signing_key: key.is_some(),
        signing_algorithm: key.map_or("RS256", |key| key.algorithm.as_str()).to_owned(),
        created_at: template.created_at,
        updated_at: template.updated_at,
    }
}

/// A secret that a ticket is used with, and where.
pub(crate) struct TicketSecret<'a> {
    /// `ticket_…`
    pub(crate) token: &'a str,
    /// Where the Frontend API is.
    pub(crate) frontend: &'a str,
}

impl TicketSecret<'_> {
    fn url(&self) -> String {
        format!("{}/v1/tickets/accept?ticket={}", self.frontend, self.token)
    }
}

/// A sign-in token; with its secret in the answer that creates it.
pub(crate) fn sign_in_token(ticket: &Ticket, secret: Option<&TicketSecret<'_>>) -> wire::ticket::SignInToken {
    wire::ticket::SignInToken {
        object: "sign_in_token".to_owned(),
        id: ticket.id.clone(),
        status: ticket.status.as_str().to_owned(),
        user_id: ticket.user_id.to_string(),
        token: secret.map(|secret| secret.token.to_owned()),
        url: secret.map(TicketSecret::url),
        created_at: ticket.created_at,
        updated_at: ticket.updated_at,
    }
}

/// An actor token; with its secret in the answer that creates it.
pub(crate) fn actor_token(ticket: &Ticket, secret: Option<&TicketSecret<'_>>) -> wire::ticket::ActorToken {
    let actor = match &ticket.purpose {
        Purpose::Actor { actor, .. } => actor.clone(),
        Purpose::SignIn => wire::json::Object::new(),
    };
    wire::ticket::ActorToken {
        object: "actor_token".to_owned(),
        id: ticket.id.clone(),
        status: ticket.status.as_str().to_owned(),
        user_id: ticket.user_id.to_string(),
        actor,
        token: secret.map(|secret| secret.token.to_owned()),
        url: secret.map(TicketSecret::url),
        created_at: ticket.created_at,
        updated_at: ticket.updated_at,
    }
}
