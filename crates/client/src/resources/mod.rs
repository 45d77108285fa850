//! The operations, grouped as the documentation groups them.

mod email_addresses;
mod phone_numbers;
mod users;

pub use email_addresses::EmailAddresses;
pub use phone_numbers::PhoneNumbers;
pub use users::{GetUserListParams, Users};
