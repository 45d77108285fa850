//! Every phone number call of the community Rust client, asserted on what it decodes.
//!
//! Each test makes its own user and takes its own numbers out of the reserved test range, so that the tests run at
//! the same time and against a server that holds other data.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use clerk_rs::apis::Error;
use clerk_rs::apis::configuration::Configuration;
use clerk_rs::apis::phone_numbers_api::{
    CreatePhoneNumberError, DeletePhoneNumberError, GetPhoneNumberError, ReplaceUserPhoneNumberError,
    UpdatePhoneNumberError, attempt_phone_number_verification, create_phone_number, delete_phone_number,
    get_phone_number, prepare_phone_number_verification, replace_user_phone_number, update_phone_number,
};
use clerk_rs::apis::users_api::{create_user, disable_mfa, get_user};
use clerk_rs::models::replace_user_phone_number_request::IdentificationStatus;
use clerk_rs::models::{
    AttemptPhoneNumberVerificationRequest, ClerkError, ClerkErrors, CreatePhoneNumberRequest,
    CreateUserRequest, PhoneNumber, PhoneNumberVerification, ReplaceUserPhoneNumberRequest,
    UpdatePhoneNumberRequest, User,
};

type TestResult = Result<(), Box<dyn std::error::Error>>;

fn configuration() -> Configuration {
    match verger_interop_clerk_rs::configuration_from_env() {
        Ok(configuration) => configuration,
        Err(sentence) => panic!("{sentence}"),
    }
}

/// A number of the reserved test range that no other test here uses.
fn fresh_number() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let index = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("+1{}55501{:02}", 700 + index / 100, index % 100)
}

/// A user with a verified email address (so that no number is its last identification) and these numbers, verified.
#[expect(clippy::disallowed_methods, reason = "a name that no earlier run used")]
async fn user_with(
    configuration: &Configuration,
    phone_numbers: &[&str],
) -> Result<User, Box<dyn std::error::Error>> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let index = NEXT.fetch_add(1, Ordering::Relaxed);
    let now_ns = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos();
    let request = CreateUserRequest {
        email_address: Some(vec![format!("clerk-rs-{now_ns}-{index}@example.com")]),
        phone_number: Some(phone_numbers.iter().map(ToString::to_string).collect()),
        ..CreateUserRequest::new()
    };
    Ok(create_user(configuration, request).await?)
}

/// The id of the user's number, which the user must have.
fn id_of(user: &User, phone_number: &str) -> String {
    let found = user.phone_numbers.iter().find(|held| held.phone_number == phone_number);
    found.and_then(|held| held.id.clone()).unwrap_or_else(|| panic!("{phone_number} is not in {user:?}"))
}

fn is_verified_by_admin(phone_number: &PhoneNumber) -> bool {
    match phone_number.verification.as_deref() {
        Some(PhoneNumberVerification::VerificationAdmin(verification)) => {
            verification.attempts.is_none() && verification.expire_at.is_none()
        }
        _ => false,
    }
}

fn update(set: impl FnOnce(&mut UpdatePhoneNumberRequest)) -> Option<UpdatePhoneNumberRequest> {
    let mut request = UpdatePhoneNumberRequest::new();
    set(&mut request);
    Some(request)
}

/// The status and the one error of a refusal; anything else fails the test.
fn refusal<T, E: std::fmt::Debug>(
    result: Result<T, Error<E>>,
    errors: impl FnOnce(E) -> Option<ClerkErrors>,
) -> (u16, ClerkError) {
    let Err(Error::ResponseError(response)) = result else { panic!("the server did not refuse") };
    let entity = response.entity.unwrap_or_else(|| panic!("not the error shape: {}", response.content));
    let mut body = errors(entity).unwrap_or_else(|| panic!("not a known error: {}", response.content));
    let trace_id = body.clerk_trace_id.take().unwrap_or_default();
    assert!(
        trace_id.len() == 32 && trace_id.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "the trace id is 32 hex digits: {trace_id:?}"
    );
    assert_eq!(body.errors.len(), 1, "{}", response.content);
    (response.status.as_u16(), body.errors.remove(0))
}

fn param_name(error: &ClerkError) -> Option<&str> {
    error.meta.as_ref().and_then(|meta| meta.get("param_name")).and_then(|name| name.as_str())
}

// The client's error enums are untagged with one payload, so every documented status decodes as the first variant;
// the status itself is read from the response.
fn of_create(error: CreatePhoneNumberError) -> Option<ClerkErrors> {
    if let CreatePhoneNumberError::Status400(errors) = error { Some(errors) } else { None }
}
fn of_get(error: GetPhoneNumberError) -> Option<ClerkErrors> {
    if let GetPhoneNumberError::Status400(errors) = error { Some(errors) } else { None }
}
fn of_update(error: UpdatePhoneNumberError) -> Option<ClerkErrors> {
    if let UpdatePhoneNumberError::Status400(errors) = error { Some(errors) } else { None }
}
fn of_delete(error: DeletePhoneNumberError) -> Option<ClerkErrors> {
    if let DeletePhoneNumberError::Status400(errors) = error { Some(errors) } else { None }
}
fn of_replace(error: ReplaceUserPhoneNumberError) -> Option<ClerkErrors> {
    if let ReplaceUserPhoneNumberError::Status400(errors) = error { Some(errors) } else { None }
}

#[tokio::test]
async fn verified_false_takes_the_verification_away() -> TestResult {
    let configuration = configuration();
    let number = fresh_number();
    let user = user_with(&configuration, &[&number]).await?;
    let phone_number_id = id_of(&user, &number);

    let request = update(|request| request.verified = Some(Some(false)));
    let phone_number = update_phone_number(&configuration, &phone_number_id, request).await?;

    assert_eq!(phone_number.id.as_deref(), Some(phone_number_id.as_str()));
    assert_eq!(phone_number.phone_number, number);
    assert!(phone_number.verification.is_none());
    assert!(phone_number.linked_to.is_empty());
    assert!(!phone_number.reserved);
    assert_eq!(phone_number.backup_codes, Some(None), "the key is sent, and it is null");
    let user = get_user(&configuration, &user.id).await?;
    assert_eq!(user.primary_phone_number_id, Some(phone_number_id), "the primary number stays primary");
    Ok(())
}

#[tokio::test]
async fn create_adds_an_unverified_number() -> TestResult {
    let configuration = configuration();
    let (first, second) = (fresh_number(), fresh_number());
    let user = user_with(&configuration, &[&first]).await?;

    let request = CreatePhoneNumberRequest::new(user.id.clone(), second.clone());
    let phone_number = create_phone_number(&configuration, Some(request)).await?;

    assert_eq!(phone_number.phone_number, second);
    assert!(phone_number.verification.is_none());
    assert_eq!(phone_number.reserved_for_second_factor, Some(false));
    assert_eq!(phone_number.default_second_factor, Some(false));
    let user = get_user(&configuration, &user.id).await?;
    assert_eq!(user.primary_phone_number_id, Some(id_of(&user, &first)));
    let newest_first: Vec<_> = user.phone_numbers.iter().map(|held| held.phone_number.clone()).collect();
    assert_eq!(newest_first, [second, first]);
    Ok(())
}

#[tokio::test]
async fn create_with_every_field_set() -> TestResult {
    let configuration = configuration();
    let (first, second) = (fresh_number(), fresh_number());
    let user = user_with(&configuration, &[&first]).await?;

    let request = CreatePhoneNumberRequest {
        verified: Some(Some(true)),
        primary: Some(Some(true)),
        reserved_for_second_factor: Some(Some(true)),
        ..CreatePhoneNumberRequest::new(user.id.clone(), second)
    };
    let phone_number = create_phone_number(&configuration, Some(request)).await?;

    assert!(is_verified_by_admin(&phone_number), "{phone_number:?}");
    assert_eq!(phone_number.reserved_for_second_factor, Some(true));
    assert_eq!(phone_number.default_second_factor, Some(true));
    let user = get_user(&configuration, &user.id).await?;
    assert_eq!(user.primary_phone_number_id, phone_number.id);
    assert!(user.two_factor_enabled);
    assert!(user.mfa_enabled_at.is_some());
    Ok(())
}

#[tokio::test]
async fn create_is_refused_without_a_body_or_with_a_bad_one() -> TestResult {
    let configuration = configuration();
    let number = fresh_number();
    let user = user_with(&configuration, &[&number]).await?;

    // Without a request the client sends the body `null`: both required fields are missing, and both are named.
    let Err(Error::ResponseError(response)) = create_phone_number(&configuration, None).await else {
        panic!("the server did not refuse")
    };
    assert_eq!(response.status.as_u16(), 422);
    let Some(CreatePhoneNumberError::Status400(body)) = response.entity else {
        panic!("not the error shape: {}", response.content)
    };
    let missing: Vec<_> = body.errors.iter().map(|error| (error.code.as_str(), param_name(error))).collect();
    assert_eq!(
        missing,
        [("form_param_missing", Some("user_id")), ("form_param_missing", Some("phone_number"))]
    );

    let request = CreatePhoneNumberRequest::new(user.id.clone(), "not a number".to_owned());
    let (status, error) = refusal(create_phone_number(&configuration, Some(request)).await, of_create);
    assert_eq!((status, error.code.as_str()), (422, "form_param_format_invalid"));
    assert_eq!(param_name(&error), Some("phone_number"));

    let request = CreatePhoneNumberRequest::new(user.id.clone(), number);
    let (status, error) = refusal(create_phone_number(&configuration, Some(request)).await, of_create);
    assert_eq!((status, error.code.as_str()), (422, "form_identifier_exists"));
    assert_eq!(error.message, "That phone number is taken. Please try another.");
    assert_eq!(param_name(&error), Some("phone_number"));

    let request =
        CreatePhoneNumberRequest::new("user_000000000000000000000000000".to_owned(), fresh_number());
    let (status, error) = refusal(create_phone_number(&configuration, Some(request)).await, of_create);
    assert_eq!((status, error.code.as_str()), (404, "resource_not_found"));

    let request = CreatePhoneNumberRequest {
        reserved_for_second_factor: Some(Some(true)),
        ..CreatePhoneNumberRequest::new(user.id, fresh_number())
    };
    let (status, error) = refusal(create_phone_number(&configuration, Some(request)).await, of_create);
    assert_eq!((status, error.code.as_str()), (400, "identification_create_second_factor_unverified"));
    Ok(())
}

#[tokio::test]
async fn get_returns_the_number_that_create_returned() -> TestResult {
    let configuration = configuration();
    let number = fresh_number();
    let user = user_with(&configuration, &[&number]).await?;
    let phone_number_id = id_of(&user, &number);

    let phone_number = get_phone_number(&configuration, &phone_number_id).await?;

    assert_eq!(Some(&phone_number), user.phone_numbers.first());
    assert!(is_verified_by_admin(&phone_number));
    let (status, error) =
        refusal(get_phone_number(&configuration, "idn_000000000000000000000000000").await, of_get);
    assert_eq!((status, error.code.as_str()), (404, "resource_not_found"));
    Ok(())
}

#[tokio::test]
async fn update_without_parameters_changes_nothing() -> TestResult {
    let configuration = configuration();
    let number = fresh_number();
    let user = user_with(&configuration, &[&number]).await?;
    let phone_number_id = id_of(&user, &number);
    let before = get_phone_number(&configuration, &phone_number_id).await?;

    // The body `null`, the body `{}`, and each field as an explicit null.
    let explicit_null = update(|request| {
        request.verified = Some(None);
        request.primary = Some(None);
        request.reserved_for_second_factor = Some(None);
    });
    for request in [None, Some(UpdatePhoneNumberRequest::new()), explicit_null] {
        let after = update_phone_number(&configuration, &phone_number_id, request).await?;
        assert_eq!(after, before, "updated_at has not moved either");
    }
    assert_eq!(get_user(&configuration, &user.id).await?.updated_at, user.updated_at);
    Ok(())
}

#[tokio::test]
async fn update_verifies_reserves_and_makes_primary_in_one_request() -> TestResult {
    let configuration = configuration();
    let (first, second) = (fresh_number(), fresh_number());
    let user = user_with(&configuration, &[&first]).await?;
    let request = CreatePhoneNumberRequest::new(user.id.clone(), second);
    let phone_number_id = create_phone_number(&configuration, Some(request)).await?.id.unwrap_or_default();

    let request = update(|request| {
        request.verified = Some(Some(true));
        request.reserved_for_second_factor = Some(Some(true));
        request.primary = Some(Some(true));
    });
    let phone_number = update_phone_number(&configuration, &phone_number_id, request).await?;

    assert!(is_verified_by_admin(&phone_number));
    assert_eq!(phone_number.reserved_for_second_factor, Some(true));
    assert_eq!(phone_number.default_second_factor, Some(true));
    let user = get_user(&configuration, &user.id).await?;
    assert_eq!(user.primary_phone_number_id, Some(phone_number_id));
    assert!(user.two_factor_enabled);
    Ok(())
}

#[tokio::test]
async fn update_is_refused_for_an_unverified_number() -> TestResult {
    let configuration = configuration();
    let first = fresh_number();
    let user = user_with(&configuration, &[&first]).await?;
    let request = CreatePhoneNumberRequest::new(user.id.clone(), fresh_number());
    let unverified = create_phone_number(&configuration, Some(request)).await?;
    let phone_number_id = unverified.id.clone().unwrap_or_default();

    let request = update(|request| request.reserved_for_second_factor = Some(Some(true)));
    let (status, error) =
        refusal(update_phone_number(&configuration, &phone_number_id, request).await, of_update);
    assert_eq!((status, error.code.as_str()), (400, "identification_update_second_factor_unverified"));

    let request = update(|request| request.primary = Some(Some(true)));
    let (status, error) =
        refusal(update_phone_number(&configuration, &phone_number_id, request).await, of_update);
    assert_eq!((status, error.code.as_str()), (422, "form_verification_needed"));
    assert_eq!(param_name(&error), Some("primary"));

    assert_eq!(
        get_phone_number(&configuration, &phone_number_id).await?,
        unverified,
        "a refusal changes nothing"
    );
    Ok(())
}

#[tokio::test]
async fn the_second_user_cannot_verify_a_claimed_number() -> TestResult {
    let configuration = configuration();
    let shared = fresh_number();
    let mut phone_number_ids = Vec::new();
    for _ in 0..2 {
        let own = fresh_number();
        let user = user_with(&configuration, &[&own]).await?;
        let request = CreatePhoneNumberRequest::new(user.id, shared.clone());
        phone_number_ids
            .push(create_phone_number(&configuration, Some(request)).await?.id.unwrap_or_default());
    }

    let verified = || update(|request| request.verified = Some(Some(true)));
    let first = update_phone_number(&configuration, &phone_number_ids[0], verified()).await?;
    assert!(is_verified_by_admin(&first));
    let (status, error) =
        refusal(update_phone_number(&configuration, &phone_number_ids[1], verified()).await, of_update);
    assert_eq!((status, error.code.as_str()), (422, "form_identifier_exists"));

    // Released by the first user, the number is free for the second.
    let request = update(|request| request.verified = Some(Some(false)));
    update_phone_number(&configuration, &phone_number_ids[0], request).await?;
    let second = update_phone_number(&configuration, &phone_number_ids[1], verified()).await?;
    assert!(is_verified_by_admin(&second));
    Ok(())
}

#[tokio::test]
async fn delete_returns_a_deleted_object_and_moves_the_primary() -> TestResult {
    let configuration = configuration();
    let (first, second) = (fresh_number(), fresh_number());
    let user = user_with(&configuration, &[&first, &second]).await?;
    let phone_number_id = id_of(&user, &first);
    assert_eq!(user.primary_phone_number_id, Some(phone_number_id.clone()));

    let deleted = delete_phone_number(&configuration, &phone_number_id).await?;

    assert_eq!(deleted.object, "phone_number");
    assert_eq!(deleted.id.as_deref(), Some(phone_number_id.as_str()));
    assert!(deleted.deleted);
    let (status, error) = refusal(get_phone_number(&configuration, &phone_number_id).await, of_get);
    assert_eq!((status, error.code.as_str()), (404, "resource_not_found"));
    let (status, _) = refusal(delete_phone_number(&configuration, &phone_number_id).await, of_delete);
    assert_eq!(status, 404);
    let user = get_user(&configuration, &user.id).await?;
    assert_eq!(user.primary_phone_number_id, Some(id_of(&user, &second)));
    Ok(())
}

#[tokio::test]
async fn the_last_identification_cannot_be_deleted() -> TestResult {
    let configuration = configuration();
    let number = fresh_number();
    let request = CreateUserRequest { phone_number: Some(vec![number.clone()]), ..CreateUserRequest::new() };
    let user = create_user(&configuration, request).await?;

    let (status, error) =
        refusal(delete_phone_number(&configuration, &id_of(&user, &number)).await, of_delete);

    assert_eq!((status, error.code.as_str()), (400, "identification_deletion_failed"));
    assert_eq!(get_user(&configuration, &user.id).await?, user);
    Ok(())
}

#[tokio::test]
async fn replace_leaves_one_primary_number_in_each_status() -> TestResult {
    let configuration = configuration();
    let (first, second) = (fresh_number(), fresh_number());
    let user = user_with(&configuration, &[&first, &second]).await?;
    let request = update(|request| request.reserved_for_second_factor = Some(Some(true)));
    update_phone_number(&configuration, &id_of(&user, &second), request).await?;

    let statuses = [
        (None, true, false),
        (Some(IdentificationStatus::Verified), true, false),
        (Some(IdentificationStatus::Reserved), false, true),
        (Some(IdentificationStatus::Unverified), false, false),
    ];
    for (identification_status, is_verified, is_reserved) in statuses {
        let number = fresh_number();
        let request = ReplaceUserPhoneNumberRequest { phone_number: number.clone(), identification_status };
        let phone_number = replace_user_phone_number(&configuration, &user.id, request).await?;

        assert_eq!(phone_number.phone_number, number);
        assert_eq!(is_verified_by_admin(&phone_number), is_verified, "{phone_number:?}");
        assert_eq!(phone_number.reserved, is_reserved, "{phone_number:?}");
        assert_eq!(phone_number.reserved_for_second_factor, Some(false));
        let user = get_user(&configuration, &user.id).await?;
        assert_eq!(user.phone_numbers, std::slice::from_ref(&phone_number));
        assert_eq!(user.primary_phone_number_id, phone_number.id);
        assert!(!user.two_factor_enabled, "the second factor went with its number");
        assert!(user.mfa_disabled_at.is_some());
    }
    Ok(())
}

#[tokio::test]
async fn replace_is_refused_for_a_taken_number_and_an_unknown_user() -> TestResult {
    let configuration = configuration();
    let (taken, own) = (fresh_number(), fresh_number());
    user_with(&configuration, &[&taken]).await?;
    let user = user_with(&configuration, &[&own]).await?;

    let request = ReplaceUserPhoneNumberRequest::new(taken);
    let (status, error) =
        refusal(replace_user_phone_number(&configuration, &user.id, request).await, of_replace);
    assert_eq!((status, error.code.as_str()), (422, "form_identifier_exists"));
    assert_eq!(get_user(&configuration, &user.id).await?, user, "a refusal changes nothing");

    let request = ReplaceUserPhoneNumberRequest::new(fresh_number());
    let unknown = "user_000000000000000000000000000";
    let (status, error) =
        refusal(replace_user_phone_number(&configuration, unknown, request).await, of_replace);
    assert_eq!((status, error.code.as_str()), (404, "resource_not_found"));
    Ok(())
}

#[tokio::test]
async fn disabling_mfa_clears_the_second_factor_of_every_number() -> TestResult {
    let configuration = configuration();
    let (first, second) = (fresh_number(), fresh_number());
    let user = user_with(&configuration, &[&first, &second]).await?;
    for number in [&first, &second] {
        let request = update(|request| request.reserved_for_second_factor = Some(Some(true)));
        update_phone_number(&configuration, &id_of(&user, number), request).await?;
    }
    let enabled = get_user(&configuration, &user.id).await?;
    let defaults = enabled.phone_numbers.iter().filter(|held| held.default_second_factor == Some(true));
    assert_eq!(defaults.count(), 1, "exactly one default");

    disable_mfa(&configuration, &user.id).await?;

    let disabled = get_user(&configuration, &user.id).await?;
    assert!(!disabled.two_factor_enabled);
    assert_eq!(disabled.mfa_enabled_at, enabled.mfa_enabled_at, "never cleared by the opposite event");
    assert!(disabled.mfa_disabled_at.is_some());
    for phone_number in disabled.phone_numbers {
        assert_eq!(phone_number.reserved_for_second_factor, Some(false));
        assert_eq!(phone_number.default_second_factor, Some(false));
        assert!(is_verified_by_admin(&phone_number));
    }
    Ok(())
}

#[tokio::test]
async fn a_wrong_key_is_refused_before_anything_else() -> TestResult {
    let good = configuration();
    let wrong = Configuration::new("sk_test_thisKeyBelongsToNobody").with_base_path(good.base_path);

    let (status, error) = refusal(get_phone_number(&wrong, "idn_000000000000000000000000000").await, of_get);

    assert_eq!((status, error.code.as_str()), (401, "clerk_key_invalid"));
    Ok(())
}

#[tokio::test]
async fn a_test_number_is_verified_by_the_code_of_all_test_numbers() -> TestResult {
    let configuration = configuration();
    let number = fresh_number();
    let user = user_with(&configuration, &[&number]).await?;
    let phone_number_id = id_of(&user, &number);

    let prepared = prepare_phone_number_verification(&configuration, &phone_number_id).await?;
    let prepared = serde_json::to_value(prepared)?;
    assert_eq!(prepared["status"], "unverified");
    let request = AttemptPhoneNumberVerificationRequest::new(
        prepared["id"].as_str().unwrap_or_default().to_owned(),
        "424242".to_owned(),
    );
    let attempted = attempt_phone_number_verification(&configuration, &phone_number_id, request).await?;
    let attempted = serde_json::to_value(attempted)?;
    assert_eq!(attempted["status"], "verified");
    assert_eq!(attempted["attempts"], 1);
    Ok(())
}
