//! Changes: what a row keeps of each, and the events and entries of the audit trail that are rendered from rows.
//!
//! A row has the aggregate after the change as a whole, and before it as a difference, so that an event of last week shows
//! what was there last week. What a type of event is called and who is told of it stands in [`verger_core::event`].

mod audit;
mod endpoint;
mod event;
mod form;
mod instance;
mod kept;
mod message;
mod outbox;
mod rendering;
mod session;
mod user;
mod written;

pub(crate) use audit::entry_of_text;
pub(crate) use instance::KeyEvent;
pub(crate) use kept::Author;
pub(crate) use message::{MessageForm, Words, seal_name};
pub(crate) use outbox::{events_in_old_form, note_in_old_form};
pub(crate) use rendering::Rendering;
pub(crate) use session::SessionChange;
pub(crate) use written::{NewMessage, Refusal, Stamp};

#[cfg(test)]
mod tests;
