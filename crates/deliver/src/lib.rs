//! Handing one message to somebody who delivers it, once, and saying truthfully what happened.
//!
//! A sender does no more than that. What to send, when to try again and what to remember belong to the delivery job of the
//! server, which relies on the three ways to fail being told apart: see [`SendError`]. Nothing here knows users, events or a
//! store.

pub mod callback;
pub mod config;
mod delivery;
pub mod http;
mod log;
mod message;
mod nobody;
mod section;
pub mod signature;
mod smtp;
pub mod template;
mod twilio;
pub mod urls;
mod vonage;
mod webhook;

pub use config::{EmailConfig, SmsConfig};
pub use delivery::{Delivery, build_templates};
pub use log::LogSender;
pub use message::{Accepted, Channel, Outgoing, SendError, Sender, Sending, WallClock, masked};
pub use nobody::{EVENT_SENDER, EventSender};
pub use section::{ConfigError, Secret};
pub use smtp::SmtpSender;
pub use twilio::{TWILIO, TwilioSender};
pub use vonage::VonageSender;
pub use webhook::WebhookSender;
