//! Sign-in tokens and actor tokens: tickets that sign a user in once.

use super::users::judge_object;
use crate::answer::Answer;
use crate::call::{Call, KeyRequest};
use crate::caller::SecretKey;
use crate::engine::Writing;
use crate::error::Failure;
use crate::operation::operations;
use crate::reasons::*;
use crate::render;
use crate::render::sessions::TicketSecret;
use verger_core::Ticket;
use verger_core::session::ACTOR_SESSION_SECONDS;
use verger_core::ticket::{
    ACTOR_TOKEN_SECONDS, Purpose, SIGN_IN_TOKEN_SECONDS, TICKET_SECONDS_MAX, TicketClosed, judge_actor,
    subject_of,
};
use verger_credentials::token::TokenKind;
use verger_http::input::Read;
use verger_http::reasons::value_invalid;
use verger_wire::ticket::{ActorToken, CreateActorTokenParams, CreateSignInTokenParams, SignInToken};
use verger_wire::{ActorTokenId, Refused, SignInTokenId, UserId};

operations! {
    /// Create a sign-in token
    ///
    /// Whoever has it is signed in as the user, once. The answer has the token, which is shown only now.
    CreateSignInToken: POST "/v1/sign_in_tokens" in "Sign-in Tokens" {
        caller: SecretKey,
        input: CreateSignInTokenParams,
        output: SignInToken, "The new sign-in token, with its secret.",
        headers: DRY_RUN | IDEMPOTENT,
        refuses: [NOT_FOUND],
        adds: [400, 401],
        run: create_sign_in_token,
    }

    /// Revoke a sign-in token
    ///
    /// Nobody can sign in with it any more. One that was used or revoked before cannot be revoked.
    RevokeSignInToken: POST "/v1/sign_in_tokens/{sign_in_token_id}/revoke" in "Sign-in Tokens" {
        caller: SecretKey,
        path: SignInTokenId,
        output: SignInToken, "The sign-in token.",
        headers: DRY_RUN | IDEMPOTENT,
        refuses: [SIGN_IN_TOKEN_CLOSED],
        adds: [401, 422],
        run: revoke_sign_in_token,
    }

    /// Create an actor token
    ///
    /// Whoever has it acts as the user, without a factor of the user. The tokens of that session say who acts. The answer
    /// has the token, which is shown only now.
    CreateActorToken: POST "/v1/actor_tokens" in "Actor Tokens" {
        caller: SecretKey,
        input: CreateActorTokenParams,
        output: ActorToken, "The new actor token, with its secret.",
        headers: DRY_RUN | IDEMPOTENT,
        refuses: [ACTOR_SUBJECT_MISSING, FORMAT_INVALID, METADATA_TOO_LARGE, NOT_FOUND],
        adds: [401, 404],
        run: create_actor_token,
    }

    /// Revoke an actor token
    ///
    /// It opens nothing any more. One that was used or revoked before cannot be revoked.
    RevokeActorToken: POST "/v1/actor_tokens/{actor_token_id}/revoke" in "Actor Tokens" {
        caller: SecretKey,
        path: ActorTokenId,
        output: ActorToken, "The actor token.",
        headers: DRY_RUN | IDEMPOTENT,
        refuses: [ACTOR_TOKEN_CLOSED],
        adds: [401, 422],
        run: revoke_actor_token,
    }
}

/// What the two kinds of tickets have in common.
struct NewTicket {
    id: String,
    purpose: Purpose,
    user_id: UserId,
    seconds: i64,
}

async fn create_sign_in_token(call: Call<SecretKey, (), CreateSignInTokenParams>) -> Result<Answer, Failure> {
    let mut input = call.read()?;
    let seconds = read_seconds(&mut input, "expires_in_seconds", |input| input.expires_in_seconds);
    let input = input.finish()?;
    let new = NewTicket {
        id: call.app.env().sign_in_token_id().to_string(),
        purpose: Purpose::SignIn,
        user_id: input.user_id.into(),
        seconds: seconds.unwrap_or(SIGN_IN_TOKEN_SECONDS),
    };
    create(&call, new, |ticket, secret| Answer::json(&render::sessions::sign_in_token(ticket, Some(secret))))
        .await
}

async fn create_actor_token(call: Call<SecretKey, (), CreateActorTokenParams>) -> Result<Answer, Failure> {
    let mut input = call.read()?;
    let seconds = read_seconds(&mut input, "expires_in_seconds", |input| input.expires_in_seconds);
    let session_seconds = read_seconds(&mut input, "session_max_duration_in_seconds", |input| {
        input.session_max_duration_in_seconds
    });
    let actor = input.is_good("actor").then(|| input.actor.clone());
    judge_object(&mut input, "actor", actor);
    input.judge("actor", |input| judge_actor(&input.actor));
    if input.is_good("actor") && subject_of(&input.actor).is_none() {
        input.problem("actor", Refused::new(&ACTOR_SUBJECT_MISSING));
    }
    let input = input.finish()?;
    let new = NewTicket {
        id: call.app.env().actor_token_id().to_string(),
        purpose: Purpose::Actor {
            actor: input.actor,
            session_seconds_max: session_seconds.unwrap_or(ACTOR_SESSION_SECONDS),
        },
        user_id: input.user_id.into(),
        seconds: seconds.unwrap_or(ACTOR_TOKEN_SECONDS),
    };
    create(&call, new, |ticket, secret| Answer::json(&render::sessions::actor_token(ticket, Some(secret))))
        .await
}

/// A number of seconds that something lives.
fn read_seconds<T>(
    input: &mut Read<T>,
    param: &'static str,
    of: impl FnOnce(&T) -> Option<i64>,
) -> Option<i64> {
    let seconds = of(input)?;
    if input.is_good(param) && !(1..=TICKET_SECONDS_MAX).contains(&seconds) {
        input.problem(param, value_invalid(format!("must be from 1 to {TICKET_SECONDS_MAX}")));
    }
    Some(seconds)
}

async fn create(
    call: &KeyRequest,
    new: NewTicket,
    render: impl Fn(&Ticket, &TicketSecret<'_>) -> Result<Answer, Failure> + Send + Sync,
) -> Result<Answer, Failure> {
    let facts = call.facts().await?;
    let frontend = facts.issuer(None)?;
    let token = TokenKind::Ticket.token(call.app.env().bytes());
    let digest = TokenKind::Ticket.lookup(&token);
    let digest = digest.ok_or_else(|| Failure::Bug("a new ticket has no digest".to_owned()))?;
    let NewTicket { id, purpose, user_id, seconds } = new;
    let ticket = Ticket::create(id, purpose, user_id, digest, seconds, call.now());
    let secret = TicketSecret { token: &token, frontend: &frontend };
    // What is kept of the answer for an `Idempotency-Key` is sealed: there is a secret in it.
    let answer = |ticket: &Ticket| Ok(Answer { is_sealed: true, ..render(ticket, &secret)? });
    Writing::of(call)?.add_ticket(ticket, answer).await
}

async fn revoke_sign_in_token(call: Call<SecretKey, SignInTokenId>) -> Result<Answer, Failure> {
    Writing::of(&call)?
        .revoke_ticket(
            call.path.to_string(),
            "sign-in token",
            |ticket| ticket.purpose == Purpose::SignIn,
            |closed| Refused::new(&SIGN_IN_TOKEN_CLOSED).with("status", status_of(closed)).into(),
            |ticket| Answer::json(&render::sessions::sign_in_token(ticket, None)),
        )
        .await
}

async fn revoke_actor_token(call: Call<SecretKey, ActorTokenId>) -> Result<Answer, Failure> {
    Writing::of(&call)?
        .revoke_ticket(
            call.path.to_string(),
            "actor token",
            |ticket| matches!(ticket.purpose, Purpose::Actor { .. }),
            |closed| Refused::new(&ACTOR_TOKEN_CLOSED).with("status", status_of(closed)).into(),
            |ticket| Answer::json(&render::sessions::actor_token(ticket, None)),
        )
        .await
}

fn status_of(closed: TicketClosed) -> &'static str {
    match closed {
        TicketClosed::Accepted => "accepted",
        TicketClosed::Revoked => "revoked",
        TicketClosed::Expired => "expired",
    }
}
