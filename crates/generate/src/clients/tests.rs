use super::*;
use verger_server::router;

/// Tags as the part of the document has them that is written by hand.
const BASE: &str = include_str!("../../../server/openapi/base.json");

fn calls() -> Calls {
    Calls::of(BASE, router::ROUTES.iter().copied()).unwrap()
}

#[test]
fn names_change_their_case() {
    assert_eq!(snake("VergerListDeliveries"), "verger_list_deliveries");
    assert_eq!(snake("DisableMFA"), "disable_mfa");
    assert_eq!(snake("VerifyTOTPCode"), "verify_totp_code");
    assert_eq!(snake("ListRedirectURLs"), "list_redirect_urls");
    assert_eq!(snake("createSession"), "create_session");
    assert_eq!(upper_camel("phone_numbers"), "PhoneNumbers");
    assert_eq!(upper_camel("Phone Numbers"), "PhoneNumbers");
    assert_eq!(lower_camel("reserved_for_second_factor"), "reservedForSecondFactor");
}

#[test]
fn words_are_wrapped_and_items_indented() {
    let text = "one two three\n\n- four five six\nsevenandeight";
    assert_eq!(wrapped(text, 8), ["one two", "three", "", "- four", "  five", "  six", "sevenandeight"]);
    assert_eq!(wrapped("one two", 7), ["one two"]);
}

#[test]
fn operation_belongs_to_the_first_segment_of_its_path_unless_a_table_says_otherwise() {
    let calls = calls();
    let resource = |id| calls.iter().find(|call| call.id() == id).map(|call| call.resource.as_str());
    assert_eq!(resource("ReplaceUserPhoneNumber"), Some("Users"));
    assert_eq!(resource("VergerGetPhoneNumber"), Some("PhoneNumbers"));
    assert_eq!(resource("VergerReset"), Some("Instances"));
    let of_users = calls.of_resource("Users");
    assert_eq!(of_users.first().map(|call| call.operation.tag), Some("Users"));
    assert!(calls.words_of(&of_users).unwrap().starts_with("Users:"));
}

#[test]
fn operations_without_a_method_and_names_without_an_operation_are_found_out() {
    let without = |id: &'static str| {
        router::ROUTES.iter().copied().filter(move |operation| operation.operation_id != id)
    };
    // Nothing names it.
    assert!(Calls::of(BASE, without("LockUser")).is_ok());
    let error = Calls::of(BASE, without("VergerReset")).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("VergerReset"), "{error}");
}

#[test]
fn refusals_are_the_operations_own_by_status() {
    let calls = calls();
    let of = |id| calls.iter().find(|call| call.id() == id).unwrap();
    let codes: Vec<_> = of("DeletePhoneNumber").refusals.iter().map(|refusal| refusal.status).collect();
    assert_eq!(codes, [400, 404]);
    assert!(of("VergerListDeliveries").refusals.is_empty());
}
