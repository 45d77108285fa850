//! The allow-list, the block-list and redirect URLs.

use crate::answer::Answer;
use crate::backend::invitations::{Invite, invite};
use crate::backend::lists::page;
use crate::backend::records::added;
use crate::call::{Call, KeyRequest};
use crate::caller::SecretKey;
use crate::engine::{Addition, Writing};
use crate::error::Failure;
use crate::operation::operations;
use crate::reasons::*;
use crate::render;
use verger_core::access_list::{AccessKind, AccessList, read_identifier};
use verger_core::redirect_url::check_url;
use verger_core::{AccessEntry, RedirectUrl};
use verger_http::reasons::value_invalid;
use verger_store::AggregateKind;
use verger_wire::access::{
    AllowlistIdentifier, BlocklistIdentifier, BlocklistIdentifiers, BlocklistParams,
    CreateAllowlistIdentifierParams, CreateBlocklistIdentifierParams, CreateRedirectUrlParams, PageParams,
    RedirectUrl as ShownUrl,
};
use verger_wire::page::{LIMIT_DEFAULT, LIMIT_MAX};
use verger_wire::{
    AllowlistIdentifierId, BlocklistIdentifierId, DeletedObject, InstanceId, InvitationId, RedirectUrlId,
};

operations! {
    /// List the allow-list
    ///
    /// The identifiers that may sign up while the allow-list is on, newest first.
    ListAllowlistIdentifiers: GET "/v1/allowlist_identifiers" in "Allow-list / Block-list" {
        caller: SecretKey,
        input: PageParams,
        output: Vec<AllowlistIdentifier>, "The identifiers.",
        adds: [400, 422],
        run: list_allowed,
    }

    /// Add to the allow-list
    ///
    /// An email address, a whole domain or a phone number. With `notify` an invitation is made too.
    CreateAllowlistIdentifier: POST "/v1/allowlist_identifiers" in "Allow-list / Block-list" {
        caller: SecretKey,
        input: CreateAllowlistIdentifierParams,
        output: AllowlistIdentifier, "The new entry.",
        headers: DRY_RUN | IDEMPOTENT,
        refuses: [
            DUPLICATE_RECORD, FORMAT_INVALID, TOO_LONG, PHONE_NUMBER_DIGITS, INSTANCE_QUOTA, FRONTEND_HOST_MISSING, NO_SENDER,
        ],
        adds: [401, 403],
        run: allow,
    }

    /// Remove from the allow-list
    ///
    /// Users who exist stay.
    DeleteAllowlistIdentifier: DELETE "/v1/allowlist_identifiers/{identifier_id}" in "Allow-list / Block-list" {
        caller: SecretKey,
        path: AllowlistIdentifierId,
        output: DeletedObject, "The entry was removed.",
        headers: DRY_RUN | IDEMPOTENT,
        adds: [400, 401, 422],
        run: disallow,
    }

    /// List the block-list
    ///
    /// The identifiers that may not sign up or sign in while the block-list is on, newest first.
    ListBlocklistIdentifiers: GET "/v1/blocklist_identifiers" in "Allow-list / Block-list" {
        caller: SecretKey,
        input: BlocklistParams,
        output: BlocklistIdentifiers, "The identifiers.",
        adds: [400, 422],
        run: list_blocked,
    }

    /// Add to the block-list
    ///
    /// An email address, a whole domain or a phone number.
    CreateBlocklistIdentifier: POST "/v1/blocklist_identifiers" in "Allow-list / Block-list" {
        caller: SecretKey,
        input: CreateBlocklistIdentifierParams,
        output: BlocklistIdentifier, "The new entry.",
        headers: DRY_RUN | IDEMPOTENT,
        refuses: [DUPLICATE_RECORD, FORMAT_INVALID, TOO_LONG, PHONE_NUMBER_DIGITS, INSTANCE_QUOTA],
        adds: [401, 403],
        run: block,
    }

    /// Remove from the block-list
    ///
    /// Whoever has the identifier may come again.
    DeleteBlocklistIdentifier: DELETE "/v1/blocklist_identifiers/{identifier_id}" in "Allow-list / Block-list" {
        caller: SecretKey,
        path: BlocklistIdentifierId,
        output: DeletedObject, "The entry was removed.",
        headers: DRY_RUN | IDEMPOTENT,
        adds: [400, 401, 422],
        run: unblock,
    }

    /// List redirect URLs
    ///
    /// The URLs that native applications may be sent back to, newest first.
    ListRedirectURLs: GET "/v1/redirect_urls" in "Redirect URLs" {
        caller: SecretKey,
        input: PageParams,
        output: Vec<ShownUrl>, "The URLs.",
        adds: [400, 401, 422],
        run: list_urls,
    }

    /// Add a redirect URL
    ///
    /// https, http on this machine, or the scheme of an application.
    CreateRedirectURL: POST "/v1/redirect_urls" in "Redirect URLs" {
        caller: SecretKey,
        input: CreateRedirectUrlParams,
        output: ShownUrl, "The new URL.",
        headers: DRY_RUN | IDEMPOTENT,
        refuses: [DUPLICATE_RECORD, FORMAT_INVALID, TOO_LONG, INSTANCE_QUOTA],
        adds: [401, 403],
        run: add_url,
    }

    /// Read a redirect URL
    ///
    /// The URL with this id.
    GetRedirectURL: GET "/v1/redirect_urls/{id}" in "Redirect URLs" {
        caller: SecretKey,
        path: RedirectUrlId,
        output: ShownUrl, "The URL.",
        adds: [400, 401],
        run: get_url,
    }

    /// Remove a redirect URL
    ///
    /// Nothing is sent there any more.
    DeleteRedirectURL: DELETE "/v1/redirect_urls/{id}" in "Redirect URLs" {
        caller: SecretKey,
        path: RedirectUrlId,
        output: DeletedObject, "The URL was removed.",
        headers: DRY_RUN | IDEMPOTENT,
        adds: [400, 401, 422],
        run: remove_url,
    }
}

async fn list_allowed(call: Call<SecretKey, (), PageParams>) -> Result<Answer, Failure> {
    let input = call.read()?.finish()?;
    let instance = &call.context.instance.id;
    let (limit, offset) = (input.limit.unwrap_or(LIMIT_DEFAULT), input.offset.unwrap_or(0));
    let scoped = call.app.store.instance(instance);
    let found = scoped.access_entries(AccessList::Allow, limit, offset, call.context.deadline).await?;
    page(found.0.iter().map(|entry| shown_allowed(entry, instance)).collect(), found.1, input.paginated)
}

async fn allow(call: Call<SecretKey, (), CreateAllowlistIdentifierParams>) -> Result<Answer, Failure> {
    let mut input = call.read()?;
    let test_numbers = call.context.test_numbers();
    let read = input.judge("identifier", |input| read_identifier(&input.identifier, test_numbers));
    let is_invited = input.notify.unwrap_or(false);
    if is_invited
        && let Some((kind, identifier)) = &read
        && (*kind != AccessKind::EmailAddress || identifier.starts_with('*'))
    {
        input.problem("notify", value_invalid("can be true for an email address alone"));
    }
    input.finish()?;
    let Some((kind, identifier)) = read else { return Err(unread()) };
    let writing = Writing::of(&call)?;
    let id = call.app.env().allowlist_identifier_id();
    let invited = match is_invited {
        true => Some(invite(&call, Invite::to(identifier.clone())).await?),
        false => None,
    };
    let invitation_id = invited.as_ref().map(|invited| invited.invitation.id.clone());
    let entry = new_entry(&call, AccessList::Allow, id.to_string(), kind, identifier, invitation_id);
    let answer = Answer::json(&shown_allowed(&entry, &call.context.instance.id))?;
    let mut addition = Addition { changes: vec![added(entry).into()], messages: Vec::new(), answer };
    if let Some(invited) = invited {
        addition.changes.push(added(invited.invitation).into());
        addition.messages.extend(invited.message);
    }
    writing.add::<AccessEntry>(&addition).await
}

async fn disallow(call: Call<SecretKey, AllowlistIdentifierId>) -> Result<Answer, Failure> {
    remove(&call, call.path.as_str(), AccessList::Allow, "allowlist_identifier").await
}

async fn list_blocked(call: Call<SecretKey, (), BlocklistParams>) -> Result<Answer, Failure> {
    let input = call.read()?.finish()?;
    let instance = &call.context.instance.id;
    let (limit, offset) = (input.limit.unwrap_or(LIMIT_MAX), input.offset.unwrap_or(0));
    let scoped = call.app.store.instance(instance);
    let found = scoped.access_entries(AccessList::Block, limit, offset, call.context.deadline).await?;
    let data = found.0.iter().map(|entry| shown_blocked(entry, instance)).collect();
    Answer::json(&BlocklistIdentifiers { data, total_count: found.1 })
}

async fn block(call: Call<SecretKey, (), CreateBlocklistIdentifierParams>) -> Result<Answer, Failure> {
    let mut input = call.read()?;
    let test_numbers = call.context.test_numbers();
    let read = input.judge("identifier", |input| read_identifier(&input.identifier, test_numbers));
    input.finish()?;
    let Some((kind, identifier)) = read else { return Err(unread()) };
    let writing = Writing::of(&call)?;
    let id = call.app.env().blocklist_identifier_id();
    let entry = new_entry(&call, AccessList::Block, id.to_string(), kind, identifier, None);
    let answer = Answer::json(&shown_blocked(&entry, &call.context.instance.id))?;
    let addition = Addition { changes: vec![added(entry).into()], messages: Vec::new(), answer };
    writing.add::<AccessEntry>(&addition).await
}

async fn unblock(call: Call<SecretKey, BlocklistIdentifierId>) -> Result<Answer, Failure> {
    remove(&call, call.path.as_str(), AccessList::Block, "blocklist_identifier").await
}

async fn list_urls(call: Call<SecretKey, (), PageParams>) -> Result<Answer, Failure> {
    let input = call.read()?.finish()?;
    let (limit, offset) = (input.limit.unwrap_or(LIMIT_DEFAULT), input.offset.unwrap_or(0));
    let scoped = call.app.store.instance(&call.context.instance.id);
    let found = scoped.redirect_urls(limit, offset, call.context.deadline).await?;
    page(found.0.iter().map(shown_url).collect(), found.1, input.paginated)
}

async fn add_url(call: Call<SecretKey, (), CreateRedirectUrlParams>) -> Result<Answer, Failure> {
    let mut input = call.read()?;
    input.judge("url", |input| check_url(&input.url));
    let input = input.finish()?;
    let writing = Writing::of(&call)?;
    let (id, now) = (call.app.env().redirect_url_id(), call.now());
    let url = RedirectUrl { id, url: input.url, created_at: now, updated_at: now };
    let answer = Answer::json(&shown_url(&url))?;
    let addition = Addition { changes: vec![added(url).into()], messages: Vec::new(), answer };
    writing.add::<RedirectUrl>(&addition).await
}

async fn get_url(call: Call<SecretKey, RedirectUrlId>) -> Result<Answer, Failure> {
    let scoped = call.app.store.instance(&call.context.instance.id);
    let found = scoped.redirect_url(&call.path, call.context.deadline).await?;
    Answer::json(&shown_url(&found.ok_or_else(|| Failure::not_found(AggregateKind::RedirectUrl.noun()))?))
}

async fn remove_url(call: Call<SecretKey, RedirectUrlId>) -> Result<Answer, Failure> {
    let answer = Answer::json(&render::deleted(call.path.as_str(), "redirect_url"))?;
    let decide = |_: &RedirectUrl, _| Ok((None, answer.clone()));
    Writing::of(&call)?.change_record(call.path.as_str(), decide).await
}

fn unread() -> Failure {
    Failure::Bug("an identifier without a problem was not read".to_owned())
}

fn new_entry(
    call: &KeyRequest,
    list: AccessList,
    id: String,
    kind: AccessKind,
    identifier: String,
    invitation_id: Option<InvitationId>,
) -> AccessEntry {
    let now = call.now();
    AccessEntry { id, list, kind, identifier, invitation_id, created_at: now, updated_at: now }
}

async fn remove(
    call: &KeyRequest,
    id: &str,
    list: AccessList,
    object: &'static str,
) -> Result<Answer, Failure> {
    let answer = Answer::json(&render::deleted(id, object))?;
    let decide = |entry: &AccessEntry, _| {
        if entry.list == list {
            Ok((None, answer.clone()))
        } else {
            Err(Failure::not_found(AggregateKind::AccessEntry.noun()))
        }
    };
    Writing::of(call)?.change_record(id, decide).await
}

fn shown_allowed(entry: &AccessEntry, instance: &InstanceId) -> AllowlistIdentifier {
    AllowlistIdentifier {
        object: "allowlist_identifier".to_owned(),
        id: entry.id.clone(),
        invitation_id: entry.invitation_id.as_ref().map(ToString::to_string),
        identifier: entry.identifier.clone(),
        identifier_type: entry.kind.as_str().to_owned(),
        instance_id: instance.to_string(),
        created_at: entry.created_at,
        updated_at: entry.updated_at,
    }
}

fn shown_blocked(entry: &AccessEntry, instance: &InstanceId) -> BlocklistIdentifier {
    BlocklistIdentifier {
        object: "blocklist_identifier".to_owned(),
        id: entry.id.clone(),
        identifier: entry.identifier.clone(),
        identifier_type: entry.kind.as_str().to_owned(),
        instance_id: instance.to_string(),
        created_at: entry.created_at,
        updated_at: entry.updated_at,
    }
}

fn shown_url(url: &RedirectUrl) -> ShownUrl {
    ShownUrl {
        object: "redirect_url".to_owned(),
        id: url.id.to_string(),
        url: url.url.clone(),
        created_at: url.created_at,
        updated_at: url.updated_at,
    }
}
