//! Invitations to sign up.

use crate::answer::Answer;
use crate::backend::lists::page;
use crate::backend::records::added;
use crate::backend::users::judge_object;
use crate::call::{Call, KeyRequest};
use crate::caller::SecretKey;
use crate::engine::{Addition, Letter, Writing};
use crate::error::Failure;
use crate::operation::operations;
use crate::reasons::*;
use verger_core::invitation::{EXPIRES_IN_DAYS_DEFAULT, InvitationClosed, InvitationStatus, NewInvitation};
use verger_core::metadata::Metadata;
use verger_core::origin::Origin;
use verger_core::{Email, Invitation};
use verger_credentials::token::TokenKind;
use verger_deliver::{Channel, EVENT_SENDER, masked};
use verger_http::input::{Problems, Read};
use verger_http::reasons::{body_invalid, value_invalid};
use verger_store::{InvitationFilter, InvitationOrder, Message, MessageState};
use verger_wire::access::{
    BULK_MAX, BulkInvitationParams, CreateInvitationParams, Invitation as Shown, InvitationListParams,
    RevokedInvitation,
};
use verger_wire::page::LIMIT_DEFAULT;
use verger_wire::{InvitationId, Refused, UnixMillis};

/// Random bytes of a ticket.
const TICKET_BYTES: usize = 32;
/// For how long sending an invitation is tried, in milliseconds.
const GIVE_UP_MS: i64 = 24 * 60 * 60 * 1000;

operations! {
    /// List invitations
    ///
    /// Newest first, without those that were revoked unless `status` asks for them.
    ListInvitations: GET "/v1/invitations" in "Invitations" {
        caller: SecretKey,
        input: InvitationListParams,
        output: Vec<Shown>, "The invitations.",
        adds: [400, 401, 422],
        run: list,
    }

    /// Create an invitation
    ///
    /// Whoever opens its link may sign up with the address, also where sign-up is restricted. The link is in the answer, and
    /// nowhere else later on: the server keeps a digest of its ticket.
    CreateInvitation: POST "/v1/invitations" in "Invitations" {
        caller: SecretKey,
        input: CreateInvitationParams,
        output: Shown, "The invitation, with its link.",
        headers: DRY_RUN | IDEMPOTENT,
        refuses: [
            DUPLICATE_RECORD, EMAIL_ADDRESS_TAKEN, FORMAT_INVALID, TOO_LONG, METADATA_TOO_LARGE, FRONTEND_HOST_MISSING,
            INSTANCE_QUOTA, NO_SENDER,
        ],
        adds: [401, 403],
        run: create,
    }

    /// Create several invitations
    ///
    /// All of them or none.
    CreateBulkInvitations: POST "/v1/invitations/bulk" in "Invitations" {
        caller: SecretKey,
        input: BulkInvitationParams,
        output: Vec<Shown>, "The invitations, with their links, in the order of the request.",
        headers: DRY_RUN | IDEMPOTENT,
        refuses: [
            BULK_TOO_LARGE, DUPLICATE_RECORD, EMAIL_ADDRESS_TAKEN, FORMAT_INVALID, TOO_LONG, METADATA_TOO_LARGE,
            FRONTEND_HOST_MISSING, INSTANCE_QUOTA, NO_SENDER,
        ],
        adds: [401, 403],
        run: create_bulk,
    }

    /// Revoke an invitation
    ///
    /// Its link opens nothing any more. Whoever signs up without it is not kept out.
    RevokeInvitation: POST "/v1/invitations/{invitation_id}/revoke" in "Invitations" {
        caller: SecretKey,
        path: InvitationId,
        output: RevokedInvitation, "The revoked invitation.",
        headers: DRY_RUN | IDEMPOTENT,
        refuses: [INVITATION_ACCEPTED, INVITATION_REVOKED],
        adds: [401, 422],
        run: revoke,
    }
}

/// Whom to invite, and how.
pub(super) struct Invite {
    new: NewInvitation,
    /// It is sent by email.
    notifies: bool,
    /// It is made although the address has an open one, or a user.
    ignores_existing: bool,
}

/// An invitation that is to be stored.
pub(super) struct Invited {
    pub(super) invitation: Invitation,
    pub(super) message: Option<Message>,
    /// The link, with the ticket.
    url: String,
}

impl Invite {
    /// As an entry of the allow-list does: by email, whatever there is.
    pub(super) fn to(email_address: String) -> Self {
        let new = NewInvitation {
            email_address,
            public_metadata: Metadata::new(),
            redirect_url: None,
            expires_in_days: EXPIRES_IN_DAYS_DEFAULT,
        };
        Self { new, notifies: true, ignores_existing: true }
    }
}

async fn create(call: Call<SecretKey, (), CreateInvitationParams>) -> Result<Answer, Failure> {
    let mut input = call.read()?;
    let invite_to = judged(&mut input);
    input.finish()?;
    let invite_to =
        invite_to.ok_or_else(|| Failure::Bug("an address without a problem was not read".to_owned()))?;
    let writing = Writing::of(&call)?;
    let work = async {
        let Invited { invitation, message, url } = invite(&call, invite_to).await?;
        let shown = Shown { url: Some(url), ..shown(&invitation, call.now()) };
        let answer = Answer { is_sealed: true, ..Answer::json(&shown)? };
        let (changes, messages) = (vec![added(invitation).into()], message.into_iter().collect());
        writing.add::<Invitation>(&Addition { changes, messages, answer }).await
    };
    writing.replaying(work).await
}

async fn create_bulk(call: Call<SecretKey, (), BulkInvitationParams>) -> Result<Answer, Failure> {
    let items = call.read_items()?;
    if items.is_empty() {
        return Err(body_invalid("The body must have an invitation in it.").into());
    }
    if items.len() > BULK_MAX {
        let (max, length) = (BULK_MAX.to_string(), items.len().to_string());
        return Err(Refused::new(&BULK_TOO_LARGE)
            .param("body")
            .with("max", max)
            .with("length", length)
            .into());
    }
    let (mut invites, mut problems) = (Vec::new(), Vec::new());
    for (at, mut item) in items.into_iter().enumerate() {
        let invite = judged(&mut item);
        match (item.finish(), invite) {
            (Ok(_), Some(invite)) => invites.push(invite),
            (Ok(_), None) => {
                return Err(Failure::Bug("an address without a problem was not read".to_owned()));
            }
            (Err(Problems(found)), _) => {
                problems.extend(found.into_iter().map(|refused| in_item(refused, at)));
            }
        }
    }
    if !problems.is_empty() {
        return Err(Failure::Fields(problems));
    }
    let is_twice = |at: usize, invite: &Invite| {
        let same = |other: &Invite| other.new.email_address == invite.new.email_address;
        !invite.ignores_existing && invites[..at].iter().any(same)
    };
    let twice = invites.iter().enumerate().filter(|(at, invite)| is_twice(*at, invite));
    let twice: Vec<_> = twice.map(|(at, _)| in_item(already_invited(), at)).collect();
    if !twice.is_empty() {
        return Err(Failure::Fields(twice));
    }
    let writing = Writing::of(&call)?;
    let work = async {
        let (mut changes, mut messages, mut all) = (Vec::new(), Vec::new(), Vec::new());
        for (at, invite_to) in invites.into_iter().enumerate() {
            let invited = invite(&call, invite_to).await;
            let Invited { invitation, message, url } = invited.map_err(|failure| match failure {
                Failure::Refused(refused) if refused.param_name.is_some() => in_item(*refused, at).into(),
                failure => failure,
            })?;
            all.push(Shown { url: Some(url), ..shown(&invitation, call.now()) });
            changes.push(added(invitation).into());
            messages.extend(message);
        }
        let answer = Answer { is_sealed: true, ..Answer::json(&all)? };
        writing.add::<Invitation>(&Addition { changes, messages, answer }).await
    };
    writing.replaying(work).await
}

/// What is wrong with a field of one of several.
fn in_item(mut refused: Refused, at: usize) -> Refused {
    let name = refused.param_name.as_deref().unwrap_or_default();
    refused.param_name = Some(format!("[{at}].{name}").into());
    refused
}

fn already_invited() -> Refused {
    Refused::new(&DUPLICATE_RECORD).with("object", "an open invitation").param("email_address")
}

fn judged<T: AsMut<CreateInvitationParams> + AsRef<CreateInvitationParams>>(
    input: &mut Read<T>,
) -> Option<Invite> {
    let email = input.judge("email_address", |input| Email::parse(input.as_ref().email_address.trim()));
    let metadata = input.take(|input| input.as_mut().public_metadata.take());
    let public_metadata = judge_object(input, "public_metadata", metadata).unwrap_or_default();
    let redirect_url = (**input).as_ref().redirect_url.clone();
    if let Some(Err(why)) = redirect_url.as_deref().map(Origin::of_url) {
        input.problem("redirect_url", value_invalid(why));
    }
    let params = (**input).as_ref();
    Some(Invite {
        new: NewInvitation {
            email_address: email?.as_str().to_owned(),
            public_metadata,
            redirect_url,
            expires_in_days: params.expires_in_days.unwrap_or(EXPIRES_IN_DAYS_DEFAULT),
        },
        notifies: params.notify.unwrap_or(true),
        ignores_existing: params.ignore_existing.unwrap_or(false),
    })
}

/// Makes an invitation that is to be stored.
pub(super) async fn invite(call: &KeyRequest, invite: Invite) -> Result<Invited, Failure> {
    let (app, context, now) = (&call.app, &call.context, call.now());
    let Invite { new, notifies, ignores_existing } = invite;
    if !ignores_existing {
        let scoped = app.store.instance(&context.instance.id);
        let addresses = [new.email_address.clone()];
        let (invited, claimed) = scoped.invited_or_claimed(&addresses, now, context.deadline).await?;
        if !claimed.is_empty() {
            return Err(Refused::new(&EMAIL_ADDRESS_TAKEN).param("email_address").into());
        }
        if !invited.is_empty() {
            return Err(already_invited().into());
        }
    }
    let facts = app.read_facts(&context.instance, context.deadline).await?;
    let (id, ticket) = {
        let mut env = app.env();
        let mut random = [0; TICKET_BYTES];
        env.rng().fill_bytes(&mut random);
        (env.invitation_id(), TokenKind::Ticket.token(random))
    };
    let url = format!("{}/v1/tickets/accept?ticket={}", facts.issuer(None)?, *ticket);
    let digest = TokenKind::Ticket.lookup(&ticket);
    let digest = digest.ok_or_else(|| Failure::Bug("a ticket has not the form of one".to_owned()))?;
    let invitation = Invitation::create(id, new, digest, now);
    let message = if notifies { Some(message(call, &invitation, &url)?) } else { None };
    Ok(Invited { invitation, message, url })
}

/// The email with the link.
fn message(call: &KeyRequest, invitation: &Invitation, url: &str) -> Result<Message, Failure> {
    let (app, instance) = (&call.app, &call.context.instance);
    let sender = app.delivery.email.name();
    if sender == "none" || sender == EVENT_SENDER {
        // An application that sends by itself has the link in the answer.
        return Err(Refused::new(&NO_SENDER).with("channel", Channel::Email.name()).into());
    }
    let name = &instance.name;
    let letter = Letter {
        to: invitation.email_address.clone(),
        subject: Some(format!("You are invited to {name}")),
        text: format!(
            "You are invited to {name}. Sign up here:\n\n{url}\n\nIf you did not expect this, ignore it.\n"
        ),
    };
    let id = app.env().message_id();
    let plain = serde_json::to_string(&letter).map_err(|error| Failure::Bug(error.to_string()))?;
    let sealed = app.keyring.seal(id.as_str(), &plain);
    let real_now = app.clock.now();
    Ok(Message {
        id,
        channel: Channel::Email.name().to_owned(),
        user_id: "".into(),
        identification_id: invitation.id.as_str().into(),
        verification_id: "".into(),
        recipient: masked(&letter.to),
        sealed: Some(sealed.ok_or_else(|| Failure::Bug("a message could not be sealed".to_owned()))?),
        state: MessageState::Queued,
        tries: 0,
        due_at: real_now,
        give_up_at: real_now.plus_ms(GIVE_UP_MS),
        sender: None,
        provider_id: None,
        reason: None,
        created_at: invitation.created_at,
        updated_at: invitation.created_at,
    })
}

async fn list(call: Call<SecretKey, (), InvitationListParams>) -> Result<Answer, Failure> {
    let mut input = call.read()?;
    let order = input.judge("order_by", |input| read_order(input.order_by.as_deref()));
    let input = input.finish()?;
    let (order, is_descending) = order.unwrap_or((InvitationOrder::CreatedAt, true));
    let filter = InvitationFilter {
        status: input.status.as_deref().and_then(InvitationStatus::parse),
        query: input.query.map(|query| query.to_lowercase()),
        order,
        is_descending,
        limit: input.limit.unwrap_or(LIMIT_DEFAULT),
        offset: input.offset.unwrap_or(0),
        now: call.now(),
    };
    let scoped = call.app.store.instance(&call.context.instance.id);
    let (found, total_count) = scoped.invitations(&filter, call.context.deadline).await?;
    let data = found.iter().map(|invitation| shown(invitation, filter.now)).collect();
    page(data, total_count, input.paginated)
}

/// By what, and whether the greatest comes first.
fn read_order(text: Option<&str>) -> Result<(InvitationOrder, bool), Refused> {
    let text = text.unwrap_or("-created_at");
    let (is_descending, name) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        // A bare plus in a query is a space.
        Some(b'+' | b' ') => (false, &text[1..]),
        _ => (false, text),
    };
    let order = match name {
        "created_at" => InvitationOrder::CreatedAt,
        "email_address" => InvitationOrder::EmailAddress,
        "expires_at" => InvitationOrder::ExpiresAt,
        _ => {
            return Err(value_invalid(
                "must be one of created_at, email_address, expires_at, with - or + before it",
            ));
        }
    };
    Ok((order, is_descending))
}

async fn revoke(call: Call<SecretKey, InvitationId>) -> Result<Answer, Failure> {
    let decide = |invitation: &Invitation, now| {
        let revoked = invitation.revoke(now).map_err(|closed| match closed {
            InvitationClosed::Accepted => Failure::from(&INVITATION_ACCEPTED),
            InvitationClosed::Revoked | InvitationClosed::Expired => (&INVITATION_REVOKED).into(),
        })?;
        let answer = Answer::json(&RevokedInvitation(shown(&revoked, now)))?;
        Ok((Some(revoked), answer))
    };
    Writing::of(&call)?.change_record(call.path.as_str(), decide).await
}

fn shown(invitation: &Invitation, now: UnixMillis) -> Shown {
    let status = invitation.status_at(now);
    Shown {
        object: "invitation".to_owned(),
        id: invitation.id.to_string(),
        email_address: invitation.email_address.clone(),
        public_metadata: invitation.public_metadata.clone(),
        revoked: status == InvitationStatus::Revoked,
        status: status.as_str().to_owned(),
        url: None,
        expires_at: Some(invitation.expires_at),
        created_at: invitation.created_at,
        updated_at: invitation.updated_at,
    }
}
