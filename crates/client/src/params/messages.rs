//! Which messages of a development instance are listed.

use serde::Serialize;
use verger_wire::setters;

/// Which messages, and how many. All that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ListMessagesParams {
    /// Only those to this number, written in any way that the service accepts.
    pub phone_number: Option<String>,
    /// Only those to this address.
    pub email_address: Option<String>,
    /// Only those for this phone number, `idn_…`.
    pub phone_number_id: Option<String>,
    /// Messages in the answer: 1 to 500. The service's default is 100.
    pub limit: Option<u32>,
}

setters! { ListMessagesParams, new() {
    text phone_number;
    text email_address;
    text phone_number_id;
    value limit: u32;
} }
