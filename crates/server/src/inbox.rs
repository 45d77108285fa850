//! The messages that would have been sent, in memory. Only for `verger dev` and servers inside tests.

use serde::{Serialize, Serializer};
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use verger_wire::{InstanceId, UnixMillis};

/// Messages that are kept; the oldest make room for new ones.
const MESSAGES_MAX: usize = 10_000;

/// A message as its recipient would see it.
#[derive(Clone, Debug, Serialize)]
pub struct InboxMessage {
    /// Id of the message, `sms_…`.
    pub id: String,
    /// Always `message`.
    pub object: &'static str,
    /// `sms` or `email`.
    pub channel: String,
    /// The recipient: a phone number in E.164 or an email address.
    pub to: String,
    /// The subject of an email; `None` for a text message.
    pub subject: Option<String>,
    /// The text, with the code in it.
    pub text: String,
    /// The code, six digits; empty, and null in JSON, if the message has none, as that of an invitation.
    #[serde(serialize_with = "null_if_empty")]
    pub code: String,
    /// The phone number that the code is for, `idn_…`.
    pub phone_number_id: Option<String>,
    /// The email address that the code is for, `idn_…`.
    pub email_address_id: Option<String>,
    /// The invitation whose link it has, `inv_…`.
    pub invitation_id: Option<String>,
    /// The user that the code is for, `user_…`; empty, and null in JSON, if there is no code.
    #[serde(serialize_with = "null_if_empty")]
    pub user_id: String,
    /// The verification to attempt with the code, `ver_…`; empty, and null in JSON, if there is no code.
    #[serde(serialize_with = "null_if_empty")]
    pub verification_id: String,
    /// `queued`, `accepted`, `delivered`, `failed` or `unknown`; `not_sent` for a test number, to which nothing is ever
    /// sent.
    pub status: &'static str,
    /// When it was created, by the clock of the instance, in Unix milliseconds.
    pub created_at: UnixMillis,
    #[serde(skip)]
    pub(crate) instance: Option<InstanceId>,
    /// The final state of its code, once there is one.
    #[serde(skip)]
    pub(crate) end: Option<CodeEnd>,
}

fn null_if_empty<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    if text.is_empty() { serializer.serialize_none() } else { serializer.serialize_str(text) }
}

/// Why a code or a link is no longer valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CodeEnd {
    /// The code was entered.
    Used,
    /// A newer code was sent.
    Replaced,
    /// The user was banned, an identifier was removed or changed, or it was verified without the code.
    Ended,
    /// The code expired, ten minutes after it was sent.
    Expired,
    /// Too many wrong codes were entered.
    Failed,
}

/// The status of a message for a test number.
pub(crate) const NOT_SENT: &str = "not_sent";

/// Number of states kept for messages that have not arrived here yet.
const EARLY_MAX: usize = 1_000;

/// The messages of all development instances, newest first.
#[derive(Default)]
pub(crate) struct Inbox {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    messages: VecDeque<InboxMessage>,
    /// A message is delivered as soon as it is committed, which can be before it is added here.
    early: VecDeque<(String, &'static str)>,
}

impl Inbox {
    pub(crate) fn push(&self, mut message: InboxMessage) {
        {
            let mut kept = self.lock();
            if let Some(at) = kept.early.iter().position(|(id, _)| *id == message.id)
                && let Some((_, status)) = kept.early.remove(at)
            {
                message.status = status;
            }
            kept.messages.push_front(message);
            kept.messages.truncate(MESSAGES_MAX);
        }
    }

    pub(crate) fn set_status(&self, id: &str, status: &'static str) {
        {
            let mut kept = self.lock();
            if let Some(message) = kept.messages.iter_mut().find(|message| message.id == id) {
                message.status = status;
            } else {
                kept.early.retain(|(other, _)| other != id);
                kept.early.push_front((id.to_owned(), status));
                kept.early.truncate(EARLY_MAX);
            }
        }
    }

    /// Records the final state of codes.
    pub(crate) fn set_ends(&self, ends: &[(String, CodeEnd)]) {
        let mut kept = self.lock();
        for (id, end) in ends {
            if let Some(message) = kept.messages.iter_mut().find(|message| message.id == *id) {
                message.end = Some(*end);
            }
        }
    }

    /// Removes the messages of all instances.
    pub(crate) fn clear_all(&self) {
        self.lock().messages.clear();
    }

    pub(crate) fn clear(&self, instance: &InstanceId) {
        self.lock().messages.retain(|message| message.instance.as_ref() != Some(instance));
    }

    /// The newest messages that `wanted` is true for, of one instance or of all.
    pub(crate) fn list(
        &self,
        instance: Option<&InstanceId>,
        limit: usize,
        wanted: impl Fn(&InboxMessage) -> bool,
    ) -> Vec<InboxMessage> {
        let kept = self.lock();
        let of_instance = kept
            .messages
            .iter()
            .filter(|message| instance.is_none() || message.instance.as_ref() == instance);
        of_instance.filter(|message| wanted(message)).take(limit).cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(id: &str) -> InboxMessage {
        InboxMessage {
            id: id.to_owned(),
            object: "message",
            channel: "sms".to_owned(),
            to: "+12015550100".to_owned(),
            subject: None,
            text: "123456 is your code.".to_owned(),
            code: "123456".to_owned(),
            phone_number_id: None,
            email_address_id: None,
            invitation_id: None,
            user_id: "user_1".to_owned(),
            verification_id: "ver_1".to_owned(),
            status: "queued",
            created_at: UnixMillis(0),
            instance: None,
            end: None,
        }
    }

    fn statuses(inbox: &Inbox) -> Vec<(String, &'static str)> {
        inbox.list(None, 10, |_| true).into_iter().map(|message| (message.id, message.status)).collect()
    }

    #[test]
    fn a_status_that_comes_before_its_message_is_kept_for_it() {
        let inbox = Inbox::default();
        inbox.set_status("sms_1", "queued");
        inbox.set_status("sms_1", "delivered");
        inbox.set_status("sms_2", "failed");
        for id in ["sms_1", "sms_2", "sms_3"] {
            inbox.push(message(id));
        }
        let expected = [("sms_3", "queued"), ("sms_2", "failed"), ("sms_1", "delivered")];
        assert_eq!(statuses(&inbox), expected.map(|(id, status)| (id.to_owned(), status)));
        // Consumed: it says nothing about other messages.
        inbox.set_status("sms_1", "failed");
        inbox.push(message("sms_1"));
        assert_eq!(statuses(&inbox)[0].1, "queued");
        assert_eq!(statuses(&inbox)[3].1, "failed");
    }

    #[test]
    fn statuses_of_messages_that_never_come_make_room() {
        let inbox = Inbox::default();
        inbox.set_status("sms_first", "delivered");
        for at in 0..EARLY_MAX {
            inbox.set_status(&format!("sms_{at}"), "delivered");
        }
        inbox.push(message("sms_first"));
        inbox.push(message("sms_0"));
        assert_eq!(statuses(&inbox), [("sms_0".to_owned(), "delivered"), ("sms_first".to_owned(), "queued")]);
        assert_eq!(inbox.lock().early.len(), EARLY_MAX - 1);
    }
}
