//! Which users are listed and counted.

use serde::Serialize;
use verger_wire::{UnixMillis, setters};

/// Which users, in which order, and how many. A list that is empty and a field that is `None` ask for nothing; all that is
/// given must hold.
///
/// ```
/// # use verger_client::GetUserListParams;
/// # let client = verger_client::testing::MockTransport::new().client();
/// let params = GetUserListParams::new().phone_number("+12025550100").phone_number("+12025550101").limit(50);
/// let request = client.users().get_user_list(params);
/// assert_eq!(request.query_string(), "phone_number=%2B12025550100&phone_number=%2B12025550101&limit=50");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GetUserListParams {
    /// Any of these addresses; at most 100.
    pub email_address: Vec<String>,
    /// Any of these numbers; at most 100.
    pub phone_number: Vec<String>,
    /// Any of these external ids; `-` before one excludes it. At most 100.
    pub external_id: Vec<String>,
    /// Any of these usernames; at most 100.
    pub username: Vec<String>,
    /// Any of these users; `-` before one excludes it. At most 100.
    pub user_id: Vec<String>,
    /// A part of an address, a number, a username, an id or a name.
    pub query: Option<String>,
    /// A text in one of the addresses, whatever its case.
    pub email_address_query: Option<String>,
    /// A text in one of the numbers.
    pub phone_number_query: Option<String>,
    /// A text in the username, whatever its case.
    pub username_query: Option<String>,
    /// A text in the first or the last name, whatever its case.
    pub name_query: Option<String>,
    /// Only users that are banned, or only those that are not.
    pub banned: Option<bool>,
    /// Unix milliseconds.
    pub created_at_before: Option<UnixMillis>,
    /// Unix milliseconds.
    pub created_at_after: Option<UnixMillis>,
    /// Not those who were never active. Unix milliseconds.
    pub last_active_at_before: Option<UnixMillis>,
    /// Unix milliseconds.
    pub last_active_at_after: Option<UnixMillis>,
    /// Not those who never signed in. Unix milliseconds.
    pub last_sign_in_at_before: Option<UnixMillis>,
    /// Unix milliseconds.
    pub last_sign_in_at_after: Option<UnixMillis>,
    /// Users on a page: 1 to 500. The service's default is 10; streams and iterators take 100.
    pub limit: Option<u32>,
    /// Users to leave out at the start.
    pub offset: Option<u64>,
    /// Begins after this user. Only ordered by `created_at`, and without `offset`.
    pub starting_after: Option<String>,
    /// `created_at`, `updated_at`, `email_address`, `phone_number`, `first_name`, `last_name`, `username`,
    /// `last_active_at` or `last_sign_in_at`, with `+` (ascending) or `-` before it. Default `-created_at`.
    pub order_by: Option<String>,
}

setters! { GetUserListParams, new() {
    push email_address;
    push phone_number;
    push external_id;
    push username;
    push user_id;
    text query;
    text email_address_query;
    text phone_number_query;
    text username_query;
    text name_query;
    value banned: bool;
    value created_at_before: UnixMillis;
    value created_at_after: UnixMillis;
    value last_active_at_before: UnixMillis;
    value last_active_at_after: UnixMillis;
    value last_sign_in_at_before: UnixMillis;
    value last_sign_in_at_after: UnixMillis;
    value limit: u32;
    value offset: u64;
    text starting_after;
    text order_by;
} }

impl GetUserListParams {
    /// The same users, in no order: what a count is asked with.
    pub(crate) fn filters(self) -> Self {
        Self { limit: None, offset: None, starting_after: None, order_by: None, ..self }
    }
}
