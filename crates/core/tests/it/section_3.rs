//! Section 3 of the contract: PATCH of a phone number or an email address, every row of its table.

mod email_addresses;
mod primary;
mod second_factor;
mod several_fields;
mod verified;
