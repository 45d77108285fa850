//! Making sign-in tokens and actor tokens, and taking them back.

use super::precondition::Versions;
use super::run::{Command, Engine};
use super::writing::Writing;
use crate::answer::Answer;
use crate::error::Failure;
use verger_core::Ticket;
use verger_core::ticket::TicketClosed;
use verger_store::{AggregateKey, Change, Write};
use verger_wire::UserId;

impl Writing<'_> {
    /// Keeps a ticket for a user who is there.
    pub(crate) async fn add_ticket(
        &self,
        ticket: Ticket,
        render: impl Fn(&Ticket) -> Result<Answer, Failure> + Send + Sync,
    ) -> Result<Answer, Failure> {
        self.engine.carry_out(&AddTicket { ticket, render }).await
    }

    /// Takes a ticket back. `closed` says what to answer where that comes too late, `noun` what it is called.
    pub(crate) async fn revoke_ticket(
        &self,
        id: String,
        noun: &'static str,
        is_of_kind: impl Fn(&Ticket) -> bool + Send + Sync,
        closed: impl Fn(TicketClosed) -> Failure + Send + Sync,
        render: impl Fn(&Ticket) -> Result<Answer, Failure> + Send + Sync,
    ) -> Result<Answer, Failure> {
        self.engine.carry_out(&RevokeTicket { writing: self, id, noun, is_of_kind, closed, render }).await
    }
}

struct AddTicket<R> {
    ticket: Ticket,
    render: R,
}

impl<R> Command for AddTicket<R>
where
    R: Fn(&Ticket) -> Result<Answer, Failure> + Send + Sync,
{
    type Found = UserId;
    type Outcome = Answer;

    async fn load(&self, engine: &Engine<'_>) -> Result<UserId, Failure> {
        let found = engine.scoped().load_user(&self.ticket.user_id, engine.deadline).await?;
        found.map(|user| user.id).ok_or_else(|| Failure::not_found("user"))
    }

    fn keys(&self, _found: &UserId) -> Vec<AggregateKey> {
        Vec::new()
    }

    fn versions(&self, _found: &UserId) -> Versions {
        Versions::Nothing
    }

    async fn decide(&self, _engine: &Engine<'_>, _found: &UserId) -> Result<(Write, Answer), Failure> {
        let answer = (self.render)(&self.ticket)?;
        let added = Change { before: None, after: Some(self.ticket.clone()) };
        Ok((Write { changes: vec![added.into()], ..Write::at(self.ticket.created_at) }, answer))
    }
}

struct RevokeTicket<'a, K, C, R> {
    writing: &'a Writing<'a>,
    id: String,
    noun: &'static str,
    is_of_kind: K,
    closed: C,
    render: R,
}

impl<K, C, R> Command for RevokeTicket<'_, K, C, R>
where
    K: Fn(&Ticket) -> bool + Send + Sync,
    C: Fn(TicketClosed) -> Failure + Send + Sync,
    R: Fn(&Ticket) -> Result<Answer, Failure> + Send + Sync,
{
    type Found = Ticket;
    type Outcome = Answer;

    async fn load(&self, engine: &Engine<'_>) -> Result<Ticket, Failure> {
        let found = engine.scoped().ticket(&self.id, engine.deadline).await?;
        found.filter(&self.is_of_kind).ok_or_else(|| Failure::not_found(self.noun))
    }

    fn keys(&self, found: &Ticket) -> Vec<AggregateKey> {
        vec![AggregateKey::ticket(&found.id)]
    }

    fn versions(&self, _found: &Ticket) -> Versions {
        Versions::Uncompared
    }

    async fn decide(&self, _engine: &Engine<'_>, found: &Ticket) -> Result<(Write, Answer), Failure> {
        let now = self.writing.now();
        let after = found.revoke(now).map_err(&self.closed)?;
        let answer = (self.render)(&after)?;
        Ok((Write { changes: vec![Change::update(found.clone(), after).into()], ..Write::at(now) }, answer))
    }
}
