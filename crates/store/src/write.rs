//! One write: everything that one decision changes, in one batch.

use crate::aggregate::Statements;
use crate::db::Stmt;
use crate::{
    AggregateKey, AnyChange, Counted, GuessWrite, Message, NewChange, OutboxEvent, Scoped, SecretUse,
    SecretWrite, SignedIn, StoreError, StoredAnswer, WindowWrite,
};
use std::time::Instant;
use verger_core::GuessedFactor;
use verger_wire::{UnixMillis, UserId};

/// Everything that one decision writes: all of it or nothing.
#[derive(Clone, Debug)]
pub struct Write {
    /// When the change was decided, in Unix milliseconds.
    pub decided_at: UnixMillis,
    /// The aggregates that differ, of any kind and in any order.
    pub changes: Vec<AnyChange>,
    /// Who signs in with it.
    pub signed_in: Option<SignedIn>,
    /// Users of whom no session may be open behind it.
    pub signed_out: Vec<UserId>,
    /// What there is to tell of it.
    pub events: Vec<OutboxEvent>,
    /// The changes to tell of, in the order of their numbers.
    pub told: Vec<NewChange>,
    /// What is remembered of numbers and addresses.
    pub windows: Vec<WindowWrite>,
    /// New secrets of users.
    pub secrets: Vec<SecretWrite>,
    /// What is done with secrets that were compared.
    pub used: Vec<(UserId, SecretUse)>,
    /// What is remembered of tries of factors.
    pub guesses: Vec<GuessWrite>,
    /// Factors of users whose failed tries are forgotten.
    pub reopened: Vec<(UserId, GuessedFactor)>,
    /// What counts against limits.
    pub counted: Vec<Counted>,
    /// Messages to queue.
    pub messages: Vec<Message>,
    /// The answer, if the request asked for it to be kept.
    pub answer: Option<StoredAnswer>,
}

impl Write {
    /// Nothing yet, decided at this moment.
    pub fn at(decided_at: UnixMillis) -> Self {
        Self {
            decided_at,
            changes: Vec::new(),
            signed_in: None,
            signed_out: Vec::new(),
            events: Vec::new(),
            told: Vec::new(),
            windows: Vec::new(),
            secrets: Vec::new(),
            used: Vec::new(),
            guesses: Vec::new(),
            reopened: Vec::new(),
            counted: Vec::new(),
            messages: Vec::new(),
            answer: None,
        }
    }
}

impl Scoped<'_> {
    /// Writes what one decision changed: all of it or nothing. Once it gives `Ok`, it survives a power cut.
    ///
    /// # Errors
    /// [`Conflict::Stale`](crate::Conflict::Stale) if an aggregate changed since it was loaded,
    /// [`Conflict::Taken`](crate::Conflict::Taken) if another user claimed a text meanwhile,
    /// [`Conflict::LimitReached`](crate::Conflict::LimitReached) if a limit has no room,
    /// [`Conflict::IdempotencyKeyUsed`](crate::Conflict::IdempotencyKeyUsed), or the database does not answer.
    pub async fn save(&self, write: &Write, deadline: Instant) -> Result<(), StoreError> {
        write.told.iter().try_for_each(NewChange::check)?;
        let statements = self.statements(write);
        if statements.is_empty() {
            return Ok(());
        }
        self.store.batch(statements, deadline).await
    }

    /// The statements of a write. Pure, so that it can be looked at.
    pub(crate) fn statements(&self, write: &Write) -> Vec<Stmt> {
        let mut of_aggregates = Statements::default();
        // What a secret was used for comes before its user changes the row: it names the text that was compared.
        for (user_id, used) in &write.used {
            of_aggregates.push(self.use_secret(user_id, used));
        }
        for guess in &write.guesses {
            self.write_guess(guess, write.decided_at).into_iter().for_each(|stmt| of_aggregates.push(stmt));
        }
        for change in &write.changes {
            change.statements(self, write.decided_at, &mut of_aggregates);
        }
        if let Some(signed_in) = &write.signed_in {
            of_aggregates.lock(AggregateKey::user(&signed_in.user_id), self.sign_in(signed_in));
        }
        for user in &write.signed_out {
            of_aggregates.push(self.expect_no_open_session(user));
        }
        let mut statements = of_aggregates.in_order();
        statements.extend(write.secrets.iter().flat_map(|secrets| self.write_secrets(secrets)));
        // Behind the rows of the users, as tries lock them.
        let reopened = write.reopened.iter();
        statements.extend(reopened.map(|(user, factor)| self.reopen_factor(user, *factor, write.decided_at)));
        statements.extend(write.events.iter().flat_map(|event| self.insert_event(event)));
        statements.extend(self.append_changes(&write.told));
        statements.extend(write.windows.iter().map(|window| self.write_window(window)));
        statements.extend(write.counted.iter().map(|counted| self.count(counted)));
        statements.extend(write.messages.iter().map(|message| self.insert_message(message)));
        statements.extend(write.answer.as_ref().map(|answer| self.insert_answer(answer)));
        statements
    }
}
