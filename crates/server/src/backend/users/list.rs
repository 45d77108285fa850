//! Which users, and in which order.

use verger_core::phone_number;
use verger_http::input::{Read, address_with_plus, number_with_plus};
use verger_http::reasons::{disallowed, value_invalid};
use verger_store::{Direction, OrderBy, Sign, Span, UserFilter, UserPage};
use verger_wire::UserId;
use verger_wire::page::LIMIT_DEFAULT;
use verger_wire::user_list::{UserFilterParams, UserListParams};

/// The filter of the store.
pub(super) fn filter_of(params: &UserFilterParams) -> UserFilter {
    // No address, username or id has blanks at its ends.
    let lower = |values: &Vec<String>| values.iter().map(|value| value.trim().to_lowercase()).collect();
    // What cannot be a number matches nobody.
    let phone_numbers = params.phone_number.as_ref().map(|values| {
        values.iter().flat_map(|text| phone_number::stored_forms(&number_with_plus(text))).collect()
    });
    let email_address_query = params.email_address_query.as_deref().map(address_with_plus);
    let phone_number_query = params.phone_number_query.as_deref().map(without_separators);
    // Nothing has a part without anything in it; to ask for it must not find them all.
    let parts = [
        &params.query,
        &email_address_query,
        &phone_number_query,
        &params.username_query,
        &params.name_query,
    ];
    let has_empty_part = parts.into_iter().flatten().any(String::is_empty);
    UserFilter {
        email_addresses: params.email_address.as_ref().map(|values| {
            values.iter().map(|value| address_with_plus(value.trim()).to_lowercase()).collect()
        }),
        phone_numbers: if has_empty_part { Some(Vec::new()) } else { phone_numbers },
        external_ids: params.external_id.as_deref().map(signed),
        usernames: params.username.as_ref().map(lower),
        user_ids: params
            .user_id
            .as_deref()
            .map(|ids| signed(ids).into_iter().map(|(sign, id)| (sign, id.trim().to_owned())).collect()),
        query_as_number: params.query.as_deref().and_then(as_number),
        query: params.query.clone(),
        email_address_query,
        phone_number_query,
        username_query: params.username_query.clone(),
        name_query: params.name_query.clone(),
        banned: params.banned,
        created_before: params.created_at_before,
        created_after: params.created_at_after,
        last_active: Span {
            before: params.last_active_at_before,
            after: params.last_active_at_after,
            since: params.last_active_at_since,
        },
        last_sign_in: Span {
            before: params.last_sign_in_at_before,
            after: params.last_sign_in_at_after,
            since: None,
        },
    }
}

/// A search that may be for a part of a number, as it is stored; `None` if it has other characters, or no separators.
fn as_number(part: &str) -> Option<String> {
    let number = without_separators(part);
    let is_number = number.bytes().any(|byte| byte.is_ascii_digit())
        && number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'+');
    (is_number && number != part).then_some(number)
}

fn without_separators(part: &str) -> String {
    part.chars().filter(|character| !matches!(character, ' ' | '-' | '.' | '(' | ')')).collect()
}

/// `+` and `-` before a value include and exclude; a bare `+` in a query is a space.
fn signed(values: &[String]) -> Vec<(Sign, String)> {
    values
        .iter()
        .map(|value| match value.as_bytes().first() {
            Some(b'+' | b' ') => (Sign::Include, value[1..].to_owned()),
            Some(b'-') => (Sign::Exclude, value[1..].to_owned()),
            _ => (Sign::Include, value.clone()),
        })
        .collect()
}

/// The page and the order that a request asks for.
pub(super) fn read_page(input: &mut Read<UserListParams>) -> UserPage {
    let limit = input.limit.unwrap_or(LIMIT_DEFAULT);
    let offset = input.offset.unwrap_or(0);
    let starting_after = input.starting_after.as_deref().map(str::trim).filter(|id| !id.is_empty());
    let starting_after = starting_after.map(UserId::from);
    let order = input.order_by.clone().filter(|order| !order.is_empty());
    let order = order.as_deref().unwrap_or("-created_at");
    let (direction, name) = match order.as_bytes().first() {
        Some(b'-') => (Direction::Descending, &order[1..]),
        Some(b'+' | b' ') => (Direction::Ascending, &order[1..]),
        _ => (Direction::Ascending, order),
    };
    let order_by = match name {
        "created_at" => OrderBy::CreatedAt,
        "updated_at" => OrderBy::UpdatedAt,
        "email_address" => OrderBy::EmailAddress,
        "phone_number" => OrderBy::PhoneNumber,
        "first_name" => OrderBy::FirstName,
        "last_name" => OrderBy::LastName,
        "username" => OrderBy::Username,
        "last_active_at" => OrderBy::LastActiveAt,
        "last_sign_in_at" => OrderBy::LastSignInAt,
        // Nobody has one yet, so all are equal.
        "web3wallet" => OrderBy::Id,
        _ => {
            let why = "must be created_at, updated_at, email_address, web3wallet, first_name, last_name, phone_number, \
                       username, last_active_at or last_sign_in_at, with + or - before it";
            input.problem("order_by", value_invalid(why));
            OrderBy::CreatedAt
        }
    };
    if starting_after.is_some() && order_by != OrderBy::CreatedAt {
        let why = "can be used only when ordered by created_at";
        input.problem("starting_after", disallowed(why));
    }
    if starting_after.is_some() && offset != 0 {
        input.problem("starting_after", disallowed("cannot be combined with offset"));
    }
    UserPage { limit, offset, starting_after, order_by, direction }
}
