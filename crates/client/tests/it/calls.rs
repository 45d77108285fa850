//! Every operation that the server has, over a real connection.

use crate::support::{RealServer, number};
use serde_json::json;
use verger_client::{
    Client, CreateEmailAddressParams, CreatePhoneNumberParams, CreateUserParams, GetUserListParams,
    MetadataParams, Method, Patch, ReplaceEmailAddressParams, ReplacePhoneNumberParams,
    UpdateEmailAddressParams, UpdatePhoneNumberParams, UpdateUserParams, User, VerificationStatus,
    VerificationStrategy,
};

async fn user(client: &Client, phones: &[String], emails: &[&str]) -> User {
    let params = CreateUserParams {
        phone_number: phones.to_vec(),
        email_address: emails.iter().map(|&email| email.to_owned()).collect(),
        first_name: Some("Ada".to_owned()),
        ..Default::default()
    };
    client.users().create_user(params).await.unwrap()
}

#[tokio::test]
async fn phone_number_is_created_read_updated_and_deleted() {
    let server = RealServer::start().await;
    let client = server.client();
    let user = user(&client, &[number(0)], &[]).await;
    let phones = client.phone_numbers();
    let created = phones
        .create_phone_number(CreatePhoneNumberParams {
            user_id: user.id.clone(),
            phone_number: number(1),
            ..Default::default()
        })
        .await
        .unwrap();
    assert_eq!((created.is_verified(), &created.extra), (false, &Default::default()));
    let params = UpdatePhoneNumberParams { verified: Some(true), primary: Some(true), ..Default::default() };
    let updated = phones.update_phone_number(&created.id, params).await.unwrap();
    let verification = updated.verification.clone().unwrap();
    assert_eq!(verification.status, VerificationStatus::Verified);
    assert_eq!(verification.strategy, VerificationStrategy::Admin);
    assert_eq!(phones.get_phone_number(&created.id).await.unwrap(), updated);
    let details = phones.get_phone_number_details(&created.id).await.unwrap();
    assert_eq!((details.user_id, details.line_type.as_deref()), (user.id.clone(), Some("test")));
    let read = client.users().get_user(&user.id).await.unwrap();
    assert_eq!(read.primary_phone_number(), Some(&updated));
    let params = UpdatePhoneNumberParams { verified: Some(false), ..Default::default() };
    let taken_back = phones.update_phone_number(&created.id, params).await.unwrap();
    assert_eq!(taken_back.verification, None);
    let deleted = phones.delete_phone_number(&created.id).await.unwrap();
    assert_eq!((deleted.id.as_str(), deleted.deleted), (created.id.as_str(), true));
    let error = phones.get_phone_number(&created.id).await.unwrap_err();
    assert!(error.is_not_found() && !error.is_retryable(), "{error}");
    assert_eq!((error.status(), error.code()), (Some(404), Some("resource_not_found")));
    assert_eq!(error.trace_id().map(str::len), Some(32));
    let params = ReplacePhoneNumberParams { phone_number: number(2), ..Default::default() };
    let replaced = client.users().replace_user_phone_number(&user.id, params).await.unwrap();
    assert_eq!(replaced.phone_number, number(2));
}

#[tokio::test]
async fn refusal_names_code_and_field() {
    let server = RealServer::start().await;
    let client = server.client();
    user(&client, &[number(0)], &[]).await;
    let params = CreateUserParams { phone_number: vec![number(0)], ..Default::default() };
    let error = client.users().create_user(params).await.unwrap_err();
    assert!(error.is_taken());
    assert_eq!((error.status(), error.param(), error.attempts()), (Some(422), Some("phone_number"), 1));
    assert_eq!(error.errors().len(), 1);
    let params = CreateUserParams { phone_number: vec!["12".to_owned()], ..Default::default() };
    let error = client.users().create_user(params).await.unwrap_err();
    assert_eq!(error.code(), Some("form_param_format_invalid"));
    let stranger = Client::builder().secret_key("sk_test_nobody").base_url(&*server.url).build().unwrap();
    let error = stranger.users().get_count(Default::default()).await.unwrap_err();
    assert!(error.is_unauthorized(), "{error}");
}

#[tokio::test]
async fn email_address_is_created_read_updated_and_deleted() {
    let server = RealServer::start().await;
    let client = server.client();
    let user = user(&client, &[], &["ada@example.com"]).await;
    let emails = client.email_addresses();
    let params = CreateEmailAddressParams {
        user_id: user.id.clone(),
        email_address: "ada@example.org".to_owned(),
        verified: Some(true),
        ..Default::default()
    };
    let created = emails.create_email_address(params).await.unwrap();
    assert!(created.is_verified() && created.extra.is_empty());
    let params = UpdateEmailAddressParams { primary: Some(true), ..Default::default() };
    let updated = emails.update_email_address(&created.id, params).await.unwrap();
    assert_eq!(emails.get_email_address(&created.id).await.unwrap(), updated);
    let read = client.users().get_user(&user.id).await.unwrap();
    assert_eq!(read.primary_email_address(), Some(&updated));
    assert!(emails.delete_email_address(&created.id).await.unwrap().deleted);
    let params =
        ReplaceEmailAddressParams { email_address: "ada@example.net".to_owned(), ..Default::default() };
    let replaced = client.users().replace_user_email_address(&user.id, params).await.unwrap();
    assert_eq!(replaced.email_address, "ada@example.net");
}

#[tokio::test]
async fn user_is_created_read_updated_and_deleted() {
    let server = RealServer::start().await;
    let client = server.client();
    let users = client.users();
    let ada = user(&client, &[number(0)], &[]).await;
    let bob = user(&client, &[number(1)], &[]).await;
    assert_eq!(ada.extra, Default::default(), "the client knows every field of the server");
    assert_eq!(users.get_user(&ada.id).await.unwrap(), ada);
    assert_eq!(users.get_count(Default::default()).await.unwrap().total_count, 2);
    let params = GetUserListParams { phone_number: vec![number(1)], ..Default::default() };
    assert_eq!(users.get_count(params.clone()).await.unwrap().total_count, 1);
    assert_eq!(users.get_user_list(params).await.unwrap(), std::slice::from_ref(&bob));
    let params = UpdateUserParams {
        first_name: Patch::Null,
        last_name: Patch::Set("Lovelace".to_owned()),
        ..Default::default()
    };
    let updated = users.update_user(&ada.id, params).await.unwrap();
    assert_eq!((updated.first_name, updated.last_name.as_deref()), (None, Some("Lovelace")));
    let public = |value: serde_json::Value| MetadataParams {
        public_metadata: value.as_object().cloned().map(Into::into),
        ..Default::default()
    };
    users.update_user_metadata(&ada.id, public(json!({"a": 1, "b": 2}))).await.unwrap();
    let merged = users.update_user_metadata(&ada.id, public(json!({"a": null}))).await.unwrap();
    assert_eq!(json!(merged.public_metadata), json!({"b": 2}));
    let replaced = users.replace_user_metadata(&ada.id, public(json!({"c": 3}))).await.unwrap();
    assert_eq!(json!(replaced.public_metadata), json!({"c": 3}));
    assert!(users.ban_user(&ada.id).await.unwrap().banned);
    assert!(!users.unban_user(&ada.id).await.unwrap().banned);
    assert!(users.lock_user(&ada.id).await.unwrap().locked);
    assert!(!users.unlock_user(&ada.id).await.unwrap().locked);
    let banned = users.ban_users(&[&ada.id, &bob.id]).await.unwrap();
    assert_eq!(banned.iter().filter(|user| user.banned).count(), 2);
    let unbanned = users.unban_users(&[&ada.id, &bob.id]).await.unwrap();
    assert_eq!(unbanned.iter().filter(|user| user.banned).count(), 0);
    let second_factor =
        UpdatePhoneNumberParams { reserved_for_second_factor: Some(true), ..Default::default() };
    let with_email = CreateEmailAddressParams {
        user_id: ada.id.clone(),
        email_address: "ada@example.com".to_owned(),
        verified: Some(true),
        ..Default::default()
    };
    client.email_addresses().create_email_address(with_email).await.unwrap();
    let phone = &ada.phone_numbers[0].id;
    client.phone_numbers().update_phone_number(phone, second_factor).await.unwrap();
    assert!(users.get_user(&ada.id).await.unwrap().two_factor_enabled);
    assert_eq!(users.disable_user_mfa(&ada.id).await.unwrap().user_id, ada.id);
    assert!(!users.get_user(&ada.id).await.unwrap().two_factor_enabled);
    assert!(users.delete_user(&ada.id).await.unwrap().deleted);
    assert!(users.get_user(&ada.id).await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn headers_of_ours_work_both_ways() {
    let server = RealServer::start().await;
    let client = server.client();
    let user = user(&client, &[number(0), number(1)], &[]).await;
    let id = &user.phone_numbers[0].id;
    let phones = client.phone_numbers();
    let read = phones.get_phone_number(id).response().await.unwrap();
    let etag = read.etag().unwrap().to_owned();
    assert_eq!((read.api_version(), read.idempotency_key()), (Some("2025-11-10"), None));
    let params = UpdatePhoneNumberParams { verified: Some(false), ..Default::default() };
    let update = phones.update_phone_number(id, params);

    let told = update.clone().dry_run().response().await.unwrap();
    assert!(told.is_dry_run() && !told.value().is_verified());
    assert!(phones.get_phone_number(id).await.unwrap().is_verified(), "nothing was stored");

    let done = update.clone().if_match(&etag).idempotency_key("once").response().await.unwrap();
    assert_eq!((done.is_replayed(), done.is_dry_run(), done.attempts()), (false, false, 1));
    assert_eq!(done.idempotency_key(), Some("once"));
    assert_eq!(done.trace_id().map(str::len), Some(32));
    let again = update.clone().if_match(&etag).idempotency_key("once").response().await.unwrap();
    assert!(again.is_replayed());
    assert_eq!(again.value(), done.value());
    let error = update.clone().if_match(&etag).await.unwrap_err();
    assert!(error.is_precondition_failed(), "{error}");
    // Each sending has a key of its own.
    let (one, two) = (update.clone().response().await.unwrap(), update.response().await.unwrap());
    assert!(one.idempotency_key().is_some() && one.idempotency_key() != two.idempotency_key());
    assert!(!two.is_replayed());
}

#[tokio::test]
async fn raw_request_reaches_what_is_not_typed() {
    let server = RealServer::start().await;
    let client = server.client();
    let user = user(&client, &[number(0)], &[]).await;
    let path = format!("/v1/users/{}", user.id);
    let value = client.request(Method::Get, &path).await.unwrap();
    assert_eq!(value["id"], user.id.as_str());
    assert_eq!(client.request(Method::Get, &path).decode::<User>().await.unwrap(), user);
    let found = client.request(Method::Get, "/v1/users").query("phone_number", &number(0)).await.unwrap();
    assert_eq!(found[0]["id"], user.id.as_str());
    let changed = client.request(Method::Patch, &path).json(&json!({"last_name": "L"})).await.unwrap();
    assert_eq!(changed["last_name"], "L");
    let error = client.request(Method::Get, "/v1/organizations").await.unwrap_err();
    assert_eq!(error.code(), Some("feature_not_enabled"), "{error}");
}

#[tokio::test]
async fn id_of_any_text_stays_one_segment() {
    let server = RealServer::start().await;
    let phones = server.client().phone_numbers();
    for id in ["a/b", "../users", "idn_ä", "a?b=c", "a#b", "%2e%2e", " ", "a\nb", "\u{202e}"] {
        let request = phones.get_phone_number(id);
        assert_eq!(request.path().split('/').count(), 4, "{}", request.path());
        let error = request.await.unwrap_err();
        assert!(error.is_not_found(), "{id:?}: {error}");
        assert_eq!(error.code(), Some("resource_not_found"));
    }
}
