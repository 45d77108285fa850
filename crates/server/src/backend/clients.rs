//! Clients: browsers and devices.

use super::lists::page;
use super::sessions::rendered;
use crate::answer::Answer;
use crate::call::{Call, KeyRequest};
use crate::caller::SecretKey;
use crate::error::Failure;
use crate::operation::operations;
use crate::reasons::*;
use crate::render;
use crate::sessions::rules_of;
use std::collections::BTreeMap;
use verger_core::client::{Access, Clocks, SecretDigest};
use verger_core::session::Proofs;
use verger_core::{Client, Settings};
use verger_credentials::token::TokenKind;
use verger_wire::client::{Client as WireClient, VerifyClientParams};
use verger_wire::page::PageParams;
use verger_wire::{ClientId, Refused, SessionId};

operations! {
    /// List clients
    ///
    /// The newest first, each with its active and pending sessions. With `paginated=true` the answer is
    /// `{"data": […], "total_count": …}`.
    GetClientList: GET "/v1/clients" in "Clients" {
        caller: SecretKey,
        input: PageParams,
        output: Vec<WireClient>, "The clients, as a JSON array.",
        run: list,
    }

    /// Verify a client
    ///
    /// The client whose cookie `__client` this is. A value that was replaced a moment ago shows the sessions that it had.
    VerifyClient: POST "/v1/clients/verify" in "Clients" {
        caller: SecretKey,
        input: VerifyClientParams,
        output: WireClient, "The client.",
        refuses: [CLIENT_TOKEN_INVALID],
        adds: [422],
        run: verify,
    }

    /// Read a client
    ///
    /// The client, with its active and pending sessions.
    GetClient: GET "/v1/clients/{client_id}" in "Clients" {
        caller: SecretKey,
        path: ClientId,
        output: WireClient, "The client.",
        run: get,
    }
}

async fn list(call: Call<SecretKey, (), PageParams>) -> Result<Answer, Failure> {
    let params = call.read()?.finish()?;
    let (limit, offset) = params.part();
    let scoped = call.app.store.instance(&call.context.instance.id);
    let (clients, total) = scoped.clients(limit, offset, call.context.deadline).await?;
    let clients: Vec<_> = clients.into_iter().map(|client| (client, None)).collect();
    page(shown(&call, &clients).await?, total, params.paginated)
}

async fn verify(call: Call<SecretKey, (), VerifyClientParams>) -> Result<Answer, Failure> {
    let input = call.read()?.finish()?;
    let invalid = || Failure::from(Refused::new(&CLIENT_TOKEN_INVALID).param("token"));
    let digest = TokenKind::ClientSecret.lookup(&input.token).ok_or_else(invalid)?;
    let secret = SecretDigest(digest);
    let scoped = call.app.store.instance(&call.context.instance.id);
    let client = scoped.client_by_secret(&secret, call.context.deadline).await?.ok_or_else(invalid)?;
    // A backend looks; only the browser itself presents its secret.
    let presented = client.present(&secret, Clocks { now: call.now(), real: call.app.clock.now() });
    let only = match (presented.access, presented.taken_back) {
        (Access::Unknown, _) => return Err(invalid()),
        (Access::Former(sessions), _) | (Access::Full, Some(sessions)) => Some(sessions),
        (Access::Full, None) => None,
    };
    Answer::json(&shown(&call, &[(client, only)]).await?.first())
}

async fn get(call: Call<SecretKey, ClientId>) -> Result<Answer, Failure> {
    let scoped = call.app.store.instance(&call.context.instance.id);
    let found = scoped.client(&call.path, call.context.deadline).await?;
    let client = found.ok_or_else(|| Failure::not_found("client"))?;
    Answer::json(&shown(&call, &[(client, None)]).await?.first())
}

/// Clients with their open sessions; where there are some, those of these alone.
async fn shown(
    call: &KeyRequest,
    clients: &[(Client, Option<BTreeMap<SessionId, Proofs>>)],
) -> Result<Vec<WireClient>, Failure> {
    let facts = call.facts().await?;
    let settings: &Settings = &facts.settings;
    let scoped = call.app.store.instance(&call.context.instance.id);
    let ids: Vec<&ClientId> = clients.iter().map(|(client, _)| &client.id).collect();
    let (rules, now) = (rules_of(settings), call.now());
    let mut sessions = scoped.sessions_of_clients(&ids, call.context.deadline).await?;
    sessions.retain(|session| session.ending(&rules, now).is_none());
    let rendered = rendered(call, settings, &sessions).await?;
    let mut shown = Vec::with_capacity(clients.len());
    for (client, only) in clients {
        let is_shown = |session: &&verger_wire::session::Session| {
            let is_known =
                |only: &BTreeMap<SessionId, Proofs>| only.contains_key(&session.id.as_str().into());
            session.client_id == client.id.as_str() && only.as_ref().is_none_or(is_known)
        };
        let of_client = rendered.iter().filter(is_shown).cloned().collect();
        shown.push(render::sessions::client(client, of_client));
    }
    Ok(shown)
}
