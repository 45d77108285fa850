//! Which users, and in which order.

use crate::UnixMillis;
use crate::input::Input;

/// The most values of one filter.
pub const FILTER_VALUES_MAX: usize = 100;
/// The most characters of a text to search for.
pub const QUERY_CHARACTERS_MAX: usize = 256;

/// Which users: what `GET /v1/users` and `GET /v1/users/count` have in common. A filter of several values matches any of
/// them; several filters must all match.
#[derive(Clone, Debug, Default, PartialEq, Eq, Input)]
#[wire(query, not_built("web3_wallet", "organization_id", "provider", "provider_user_id"))]
pub struct UserFilterParams {
    /// Users who have one of these addresses.
    #[wire(items_max = FILTER_VALUES_MAX, example = ["ada@example.com"])]
    pub email_address: Option<Vec<String>>,
    /// Users who have one of these numbers, in E.164. In a query string the plus sign is written `%2B`.
    #[wire(items_max = FILTER_VALUES_MAX, example = ["+12015550123"])]
    pub phone_number: Option<Vec<String>>,
    /// Users with one of these external ids. A `-` before a value excludes that user; a `+` or no sign includes them.
    #[wire(items_max = FILTER_VALUES_MAX, example = ["customer-1815"])]
    pub external_id: Option<Vec<String>>,
    /// Users with one of these usernames.
    #[wire(items_max = FILTER_VALUES_MAX, example = ["ada"])]
    pub username: Option<Vec<String>>,
    /// Users with one of these ids. A `-` before a value excludes that user; a `+` or no sign includes them.
    #[wire(items_max = FILTER_VALUES_MAX, example = ["user_3Dw7IiS6fko9avCNGdolikmwFDN"])]
    pub user_id: Option<Vec<String>>,
    /// Users whose addresses, numbers, username, id or names contain this text. Case-insensitive.
    #[wire(search, characters_max = QUERY_CHARACTERS_MAX, in_words, example = "lovel")]
    pub query: Option<String>,
    /// Users with an address that contains this text. Case-insensitive.
    #[wire(search, characters_max = QUERY_CHARACTERS_MAX, in_words, example = "@example.com")]
    pub email_address_query: Option<String>,
    /// Users with a number that contains this text.
    #[wire(search, characters_max = QUERY_CHARACTERS_MAX, in_words, example = "55501")]
    pub phone_number_query: Option<String>,
    /// Users whose username contains this text. Case-insensitive.
    #[wire(search, characters_max = QUERY_CHARACTERS_MAX, in_words, example = "ad")]
    pub username_query: Option<String>,
    /// Users whose first or last name contains this text. Case-insensitive.
    #[wire(search, characters_max = QUERY_CHARACTERS_MAX, in_words, example = "love")]
    pub name_query: Option<String>,
    /// True: only banned users. False: only users who are not banned.
    pub banned: Option<bool>,
    /// Users created before this moment, in Unix milliseconds.
    #[wire(format = "", example = 1779181260000_i64)]
    pub created_at_before: Option<UnixMillis>,
    /// Users created after this moment, in Unix milliseconds.
    #[wire(format = "", example = 1779181199999_i64)]
    pub created_at_after: Option<UnixMillis>,
    /// Users who were last active before this moment, in Unix milliseconds. Not those who never were.
    #[wire(format = "", example = 1779181260000_i64)]
    pub last_active_at_before: Option<UnixMillis>,
    /// Users who were last active after this moment, in Unix milliseconds.
    #[wire(format = "", example = 1779181199999_i64)]
    pub last_active_at_after: Option<UnixMillis>,
    /// Users who were last active at or after this moment, in Unix milliseconds. Use `last_active_at_after`.
    #[wire(deprecated, format = "", example = 1779181200000_i64)]
    pub last_active_at_since: Option<UnixMillis>,
    /// Users who last signed in before this moment, in Unix milliseconds. Not those who never did.
    #[wire(format = "", example = 1779181260000_i64)]
    pub last_sign_in_at_before: Option<UnixMillis>,
    /// Users who last signed in after this moment, in Unix milliseconds.
    #[wire(format = "", example = 1779181199999_i64)]
    pub last_sign_in_at_after: Option<UnixMillis>,
}

/// `GET /v1/users`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Input)]
#[wire(query)]
pub struct UserListParams {
    /// Which users.
    #[wire(flatten)]
    pub filter: UserFilterParams,
    /// Maximum number of users to return.
    #[wire(min = 1, max = 500, default = 10)]
    pub limit: Option<i64>,
    /// How many users to skip. Slow when large: page through long lists with `starting_after`.
    #[wire(min = 0, default = 0)]
    pub offset: Option<i64>,
    /// Return the users that come after this one: the id of the last user of the page before. Only with the order
    /// `created_at`, and without an `offset` above 0. The list ends when a page has fewer than `limit` users.
    #[wire(example = "user_3Dw7IiS6fko9avCNGdolikmwFDN")]
    pub starting_after: Option<String>,
    /// `created_at`, `updated_at`, `email_address`, `phone_number`, `username`, `first_name`, `last_name`, `last_active_at` or
    /// `last_sign_in_at`; prefixed with `-` for descending, with `+` or nothing for ascending order. If repeated, the first counts.
    #[wire(default = "-created_at")]
    pub order_by: Option<String>,
}

/// `GET /v1/users/count`: the parameters of a page may come too, and change nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Input)]
#[wire(query, ignored("limit", "offset", "order_by", "starting_after"))]
pub struct UserCountParams {
    /// Which users.
    #[wire(flatten)]
    pub filter: UserFilterParams,
}
