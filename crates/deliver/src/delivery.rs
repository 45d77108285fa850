//! What both sections make together.

use crate::config::{EmailConfig, SmsConfig};
use crate::message::{Sender, WallClock};
use crate::section::ConfigError;
use crate::template::{TemplateError, Templates};
use std::sync::Arc;

/// Everything that messages need.
pub struct Delivery {
    /// Delivers text messages.
    pub sms: Arc<dyn Sender>,
    /// The sender of email.
    pub email: Arc<dyn Sender>,
    /// The texts of messages, by language and instance.
    pub templates: Templates,
}

impl Delivery {
    /// Senders and texts of two sections.
    ///
    /// # Errors
    /// The first thing that is missing or wrong, and what to do about it.
    pub fn new(sms: &SmsConfig, email: &EmailConfig, clock: &WallClock) -> Result<Self, ConfigError> {
        Ok(Self {
            sms: sms.build(Arc::clone(clock))?,
            email: email.build(Arc::clone(clock))?,
            templates: build_templates(sms, email)?,
        })
    }
}

/// The texts of all messages.
///
/// # Errors
/// The template that is wrong, where it stands, and why.
pub fn build_templates(sms: &SmsConfig, email: &EmailConfig) -> Result<Templates, ConfigError> {
    Templates::new(sms, email).map_err(|TemplateError { at, problem }| ConfigError::new(&at, problem))
}
