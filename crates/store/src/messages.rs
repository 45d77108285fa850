//! Messages on their way to people, and what became of them.

use crate::db::{Columns, Query, Reach, Row, Stmt};
use crate::long_reads::Bound;
use crate::retention::AgeCursor;
use crate::{Conflict, Scoped, Store, StoreError};
use std::time::Instant;
use verger_wire::{IdentificationId, InstanceId, MessageId, UnixMillis, UserId, VerificationId};

/// Where a message is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageState {
    /// It waits for its first or next attempt.
    Queued,
    /// Somebody is handing it over.
    Sending,
    /// The provider has accepted it.
    Accepted,
    /// The provider reports that it arrived.
    Delivered,
    /// It will not be attempted again.
    Failed,
    /// It may or may not have been handed over, and is not tried again.
    Unknown,
}

/// A text message or email with a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Id of the message, `sms_…`.
    pub id: MessageId,
    /// `sms` or `email`.
    pub channel: String,
    /// The user that the code is for.
    pub user_id: UserId,
    /// For which number or address.
    pub identification_id: IdentificationId,
    /// The verification whose code it carries.
    pub verification_id: VerificationId,
    /// The number or address, masked.
    pub recipient: String,
    /// Number, text and code, sealed; `None` once it was handed over.
    pub sealed: Option<String>,
    /// The state of its delivery.
    pub state: MessageState,
    /// How often it was tried.
    pub tries: i64,
    /// When it is tried next; while it is being sent, when whoever sends it must be done.
    pub due_at: UnixMillis,
    /// From when on it is of no use.
    pub give_up_at: UnixMillis,
    /// The sender of the last attempt, such as `twilio`.
    pub sender: Option<String>,
    /// The provider's id of the message.
    pub provider_id: Option<String>,
    /// Why it failed, or what is not known.
    pub reason: Option<String>,
    /// When it was created, in Unix milliseconds.
    pub created_at: UnixMillis,
    /// When its state last changed.
    pub updated_at: UnixMillis,
}

/// What became of an attempt to hand a message over.
#[derive(Clone, Debug)]
pub struct MessageOutcome {
    /// The state after the attempt.
    pub state: MessageState,
    /// For a message that goes back into the queue: when it is tried next.
    pub due_at: UnixMillis,
    /// The sender that made the attempt.
    pub sender: String,
    /// The provider's id of the message.
    pub provider_id: Option<String>,
    /// Why it was not accepted.
    pub reason: Option<String>,
}

const COLUMNS: &str =
    "id, channel, user_id, identification_id, verification_id, recipient, sealed, state, tries,
     due_at, give_up_at, sender, provider_id, reason, created_at, updated_at";

impl MessageState {
    /// The name in answers and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Accepted => "accepted",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Queued, Self::Sending, Self::Accepted, Self::Delivered, Self::Failed, Self::Unknown]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

impl Scoped<'_> {
    /// A message.
    ///
    /// # Errors
    /// The database does not answer, or the row is damaged.
    pub async fn message(&self, id: &MessageId, deadline: Instant) -> Result<Option<Message>, StoreError> {
        let query = Query::new(
            format!("SELECT {COLUMNS} FROM messages WHERE instance_id = $1 AND id = $2"),
            vec![self.instance.as_str().into(), id.as_str().into()],
        );
        self.store.rows(Reach::Point, query, deadline).await?.pop().map(message_from).transpose()
    }

    /// The newest messages of the instance, or of one identification of it.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub async fn messages(
        &self,
        identification: Option<&IdentificationId>,
        limit: i64,
        deadline: Instant,
    ) -> Result<Vec<Message>, StoreError> {
        let mut params = vec![self.instance.as_str().into(), limit.into()];
        let condition = match identification {
            Some(id) => {
                params.push(id.as_str().into());
                " AND identification_id = $3"
            }
            None => "",
        };
        let query = Query::new(
            format!(
                "SELECT {COLUMNS} FROM messages WHERE instance_id = $1{condition}
                 ORDER BY created_at DESC, id DESC LIMIT $2"
            ),
            params,
        );
        let bound = if identification.is_some() { Bound::Rows(limit) } else { Bound::None };
        self.read(bound, query, deadline).await?.into_iter().map(message_from).collect()
    }

    /// Takes a message out of the queue, for as long as until `lease_until`; `false` if somebody else was first.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn claim_message(
        &self,
        message: &Message,
        sender: &str,
        now: UnixMillis,
        lease_until: UnixMillis,
        deadline: Instant,
    ) -> Result<bool, StoreError> {
        let claim = Stmt::new(
            "UPDATE messages SET state = 'sending', tries = tries + 1, due_at = $4, updated_at = $5, sender = $6
             WHERE instance_id = $1 AND id = $2 AND tries = $3 AND state = 'queued'",
            vec![
                self.instance.as_str().into(),
                message.id.as_str().into(),
                message.tries.into(),
                lease_until.into(),
                now.into(),
                sender.into(),
            ],
        )
        .expect(1, Conflict::Stale);
        self.store.batch_unless_stale(vec![claim], deadline).await
    }

    /// Whether the code of a message is still the newest of its number or address, which is still there; of an invitation,
    /// which belongs to no user, whether it is open.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn is_code_wanted(&self, message: &Message, deadline: Instant) -> Result<bool, StoreError> {
        let mut of_message = vec![self.instance.as_str().into(), message.identification_id.as_str().into()];
        let query = if message.user_id.as_str().is_empty() {
            let open = "SELECT id FROM invitations WHERE instance_id = $1 AND id = $2 AND status = 'open'";
            Query::new(open, of_message)
        } else {
            of_message.push(message.verification_id.as_str().into());
            Query::new(
                "SELECT id FROM identifications WHERE instance_id = $1 AND id = $2 AND verification_id = $3",
                of_message,
            )
        };
        Ok(!self.store.rows(Reach::Point, query, deadline).await?.is_empty())
    }

    /// Writes what became of the attempt that [`Scoped::claim_message`] began; `false` if its lease had expired and
    /// somebody else decided.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn finish_message(
        &self,
        id: &MessageId,
        tries: i64,
        outcome: &MessageOutcome,
        now: UnixMillis,
        deadline: Instant,
    ) -> Result<bool, StoreError> {
        // What waits in the queue again keeps its text; everything else has no more use for it.
        let erase = if outcome.state == MessageState::Queued { "sealed" } else { "NULL" };
        let finish = Stmt::new(
            format!(
                "UPDATE messages SET state = $4, due_at = $5, sender = $6, provider_id = $7, reason = $8,
                    updated_at = $9, sealed = {erase}
                 WHERE instance_id = $1 AND id = $2 AND tries = $3 AND state = 'sending'"
            ),
            vec![
                self.instance.as_str().into(),
                id.as_str().into(),
                tries.into(),
                outcome.state.as_str().into(),
                outcome.due_at.into(),
                outcome.sender.as_str().into(),
                outcome.provider_id.as_deref().into(),
                outcome.reason.as_deref().into(),
                now.into(),
            ],
        )
        .expect(1, Conflict::Stale);
        self.store.batch_unless_stale(vec![finish], deadline).await
    }

    /// Writes what the provider reports of a message that it took, if the message still is in the state in which it was
    /// seen.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn report_message(
        &self,
        message: &Message,
        outcome: &MessageOutcome,
        now: UnixMillis,
        deadline: Instant,
    ) -> Result<bool, StoreError> {
        // A report can overtake the answer to the request that handed the message over: then it is all that is heard.
        let report = Stmt::new(
            "UPDATE messages SET state = $4, reason = $5, provider_id = $6, sender = $7, updated_at = $8, sealed = NULL
             WHERE instance_id = $1 AND id = $2 AND state = $3",
            vec![
                self.instance.as_str().into(),
                message.id.as_str().into(),
                message.state.as_str().into(),
                outcome.state.as_str().into(),
                outcome.reason.as_deref().into(),
                outcome.provider_id.as_deref().into(),
                outcome.sender.as_str().into(),
                now.into(),
            ],
        )
        .expect(1, Conflict::Stale);
        self.store.batch_unless_stale(vec![report], deadline).await
    }

    pub(crate) fn insert_message(&self, message: &Message) -> Stmt {
        Stmt::new(
            "INSERT INTO messages (instance_id, id, channel, user_id, identification_id, verification_id, recipient,
                sealed, state, tries, due_at, give_up_at, sender, provider_id, reason, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
            vec![
                self.instance.as_str().into(),
                message.id.as_str().into(),
                message.channel.as_str().into(),
                message.user_id.as_str().into(),
                message.identification_id.as_str().into(),
                message.verification_id.as_str().into(),
                message.recipient.as_str().into(),
                message.sealed.as_deref().into(),
                message.state.as_str().into(),
                message.tries.into(),
                message.due_at.into(),
                message.give_up_at.into(),
                message.sender.as_deref().into(),
                message.provider_id.as_deref().into(),
                message.reason.as_deref().into(),
                message.created_at.into(),
                message.updated_at.into(),
            ],
        )
    }
}

impl Store {
    /// A message by its id alone: for providers, who do not know whose it is.
    ///
    /// # Errors
    /// The database does not answer, or the row is damaged.
    pub async fn message_anywhere(
        &self,
        id: &MessageId,
        deadline: Instant,
    ) -> Result<Option<(InstanceId, Message)>, StoreError> {
        let query = Query::new(
            format!("SELECT instance_id, {COLUMNS} FROM messages WHERE id = $1"),
            vec![id.as_str().into()],
        );
        self.rows(Reach::Point, query, deadline).await?.pop().map(with_instance).transpose()
    }

    /// Messages of one channel (`sms` or `email`) of all instances that are in `state` and due by `now`, the longest due
    /// first. One that would be due in more than `longest_ms` was written by a clock that was ahead, and is due too.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub async fn due_messages(
        &self,
        state: MessageState,
        channel: &str,
        now: UnixMillis,
        longest_ms: i64,
        limit: i64,
        deadline: Instant,
    ) -> Result<Vec<(InstanceId, Message)>, StoreError> {
        let due = |condition: &str, moment: UnixMillis| {
            Query::new(
                format!(
                    "SELECT instance_id, {COLUMNS} FROM messages
                     WHERE state = $1 AND channel = $2 AND due_at {condition} $3 ORDER BY due_at LIMIT $4"
                ),
                vec![state.as_str().into(), channel.into(), moment.into(), limit.into()],
            )
        };
        let queries = vec![due("<=", now), due(">", now.plus_ms(longest_ms))];
        let rows = self.db.snapshot(Reach::Job, queries, deadline).await?;
        rows.into_iter().flatten().map(with_instance).collect()
    }
}

impl Store {
    /// Removes messages that have come to their end before `before`. Looks at a few hundred, from `after` on, which moves.
    /// `false` at the end.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub(crate) async fn sweep_messages(
        &self,
        before: UnixMillis,
        after: &mut AgeCursor,
        deadline: Instant,
    ) -> Result<bool, StoreError> {
        let oldest = "SELECT id, instance_id, updated_at,
                CASE WHEN state IN ('queued', 'sending') THEN 0 ELSE 1 END
             FROM messages WHERE updated_at < $1 AND (updated_at, instance_id, id) > ($2, $3, $4)
             ORDER BY updated_at, instance_id, id LIMIT $5";
        self.sweep_by_age("messages", oldest, before, after, deadline).await
    }

    /// Leaves queued messages for later, so that others have their turn; each until the time comes to give it up, at most.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn postpone_messages(
        &self,
        messages: &[(InstanceId, Message)],
        until: UnixMillis,
        deadline: Instant,
    ) -> Result<(), StoreError> {
        let postpone = |(instance, message): &(InstanceId, Message)| {
            Stmt::new(
                "UPDATE messages SET due_at = $4
                 WHERE instance_id = $1 AND id = $2 AND tries = $3 AND state = 'queued' AND due_at < $4",
                vec![
                    instance.as_str().into(),
                    message.id.as_str().into(),
                    message.tries.into(),
                    until.min(message.give_up_at).into(),
                ],
            )
        };
        self.batch(messages.iter().map(postpone).collect(), deadline).await
    }
}

fn with_instance(mut row: Row) -> Result<(InstanceId, Message), StoreError> {
    let message = row.split_off(1);
    let instance = Columns::new("messages", row).id("instance_id")?.into();
    Ok((instance, message_from(message)?))
}

fn message_from(row: Row) -> Result<Message, StoreError> {
    let mut columns = Columns::new("messages", row);
    Ok(Message {
        id: columns.id("id")?.into(),
        channel: columns.text("channel")?,
        user_id: columns.text("user_id")?.into(),
        identification_id: columns.text("identification_id")?.into(),
        verification_id: columns.text("verification_id")?.into(),
        recipient: columns.text("recipient")?,
        sealed: columns.optional_text("sealed")?,
        state: {
            let state = columns.text("state")?;
            MessageState::parse(&state).ok_or_else(|| columns.corrupt("state"))?
        },
        tries: columns.int("tries")?,
        due_at: UnixMillis(columns.int("due_at")?),
        give_up_at: UnixMillis(columns.int("give_up_at")?),
        sender: columns.optional_text("sender")?,
        provider_id: columns.optional_text("provider_id")?,
        reason: columns.optional_text("reason")?,
        created_at: UnixMillis(columns.int("created_at")?),
        updated_at: UnixMillis(columns.int("updated_at")?),
    })
}
