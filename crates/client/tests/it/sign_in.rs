//! Signing in over the Backend API, against a real server: credentials, sessions and tokens, tickets, who may come, and the
//! instance.

use crate::own::{client_of, user};
use serde_json::json;
use std::collections::BTreeSet;
use verger_client::settings::SignUpMode;
use verger_client::testing::{Answer, MockTransport};
use verger_client::{
    CreateActorTokenParams, CreateAllowlistIdentifierParams, CreateBlocklistIdentifierParams,
    CreateInvitationParams, CreateRedirectUrlParams, CreateSessionParams, CreateSessionTokenParams,
    CreateSignInTokenParams, CreateUserParams, GetSessionListParams, GetUserListParams, IdentifierType,
    JwtTemplateParams, ListInvitationsParams, PageParams, Patch, RefreshSessionParams, RemovePasswordParams,
    RetireSigningKeyParams, RotateSigningKeyParams, SetCompromisedParams, SigningKeyState, TicketStatus,
    UnixMillis, UpdateBetaInstanceSettingsParams, UpdateInstanceCommunicationParams, UpdateInstanceParams,
    UpdateInstanceRestrictionsParams, UpdateSettingsParams, UpdateUserParams, UserSessionStatus,
    VerifyClientParams, VerifyPasswordParams, VerifyTotpParams,
};
use verger_server::testing::TestServer;

const NUMBER: &str = "+12025550100";
const PASSWORD: &str = "a long sentence of mine";
const TOTP_SECRET: &str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";

#[tokio::test]
async fn credentials_are_set_verified_and_taken_away() {
    let server = TestServer::start().await.unwrap();
    let client = client_of(&server);
    let users = client.users();
    let params = CreateUserParams::new()
        .phone_number(NUMBER)
        .password(PASSWORD)
        .totp_secret(TOTP_SECRET)
        .backup_codes("k3x9-w2qd");
    let ada = users.create_user(params).await.unwrap();
    assert!(ada.password_enabled && ada.totp_enabled && ada.backup_code_enabled && ada.two_factor_enabled);
    assert!(users.verify_password(&ada.id, VerifyPasswordParams::new(PASSWORD)).await.unwrap().verified);
    let error = users.verify_password(&ada.id, VerifyPasswordParams::new("wrong")).await.unwrap_err();
    assert_eq!(error.code(), Some("incorrect_password"));
    let code = users.verify_totp(&ada.id, VerifyTotpParams::new("k3x9-w2qd")).await.unwrap();
    assert_eq!((code.verified, &*code.code_type), (true, "backup_code"));
    let again = users.verify_totp(&ada.id, VerifyTotpParams::new("k3x9-w2qd")).await.unwrap_err();
    assert_eq!(again.status(), Some(422), "a backup code is accepted once");

    let session = client.sessions().create_session(CreateSessionParams::new(&*ada.id)).await.unwrap();
    let params = SetCompromisedParams::new().revoke_all_sessions(true);
    users.set_user_password_compromised(&ada.id, params).await.unwrap();
    let error = users.verify_password(&ada.id, VerifyPasswordParams::new(PASSWORD)).await.unwrap_err();
    assert_eq!(error.code(), Some("form_password_compromised"));
    let ended = client.sessions().get_session(&session.id).await.unwrap();
    assert_eq!(ended.status, UserSessionStatus::Revoked);
    users.unset_user_password_compromised(&ada.id).await.unwrap();
    users.verify_password(&ada.id, VerifyPasswordParams::new(PASSWORD)).await.unwrap();

    let session = client.sessions().create_session(CreateSessionParams::new(&*ada.id)).await.unwrap();
    let params = UpdateUserParams::new().password("another long sentence").sign_out_of_other_sessions(true);
    users.update_user(&ada.id, params).await.unwrap();
    let ended = client.sessions().get_session(&session.id).await.unwrap();
    assert_eq!(ended.status, UserSessionStatus::Revoked);
    let without = users.remove_user_password(&ada.id, RemovePasswordParams::new()).await.unwrap();
    assert!(!without.password_enabled);
    assert_eq!(users.delete_totp(&ada.id).await.unwrap().user_id, ada.id);
    let codes = UpdateUserParams::new().backup_codes("m4t7-p9rz");
    users.update_user(&ada.id, codes).await.unwrap();
    assert_eq!(users.delete_backup_code(&ada.id).await.unwrap().user_id, ada.id);
    let read = users.get_user(&ada.id).await.unwrap();
    assert!(!read.totp_enabled && !read.backup_code_enabled && !read.two_factor_enabled);
    server.stop().await;
}

#[tokio::test]
async fn session_gives_tokens_that_are_verified_until_it_is_revoked() {
    let server = TestServer::start().await.unwrap();
    let client = client_of(&server);
    let ada = user(&client, NUMBER).await;
    let sessions = client.sessions();
    let session = sessions.create_session(CreateSessionParams::new(&*ada.id)).await.unwrap();
    assert_eq!((&session.status, &session.user_id), (&UserSessionStatus::Active, &ada.id));
    assert!(session.extra.is_empty() && session.actor.is_none());
    assert_eq!(sessions.get_session(&session.id).await.unwrap(), session);

    let token = sessions.create_session_token(&session.id, CreateSessionTokenParams::new()).await.unwrap();
    assert!(!format!("{token:?}").contains(&token.jwt));
    let authenticator = client.authenticator().build().unwrap();
    let claims = authenticator.verify_token(&token.jwt).await.unwrap();
    assert_eq!((&claims.sub, &claims.sid), (&ada.id, &session.id));

    let claims = [("plan", json!("{{user.public_metadata.plan}}")), ("seats", json!([1, {"a": null}]))];
    let params = JwtTemplateParams::new("billing", claims).lifetime(600);
    let template = client.jwt_templates().create_jwt_template(params.clone()).await.unwrap();
    assert_eq!(
        (template.lifetime, template.allowed_clock_skew, &template.claims["seats"]),
        (600, 5, &json!([1, {"a": null}]))
    );
    let longer = CreateSessionTokenParams::new().expires_in_seconds(3600);
    let of_template =
        sessions.create_session_token_from_template(&session.id, "billing", longer).await.unwrap();
    let claims = authenticator.verify_template_token(&of_template.jwt).await.unwrap();
    assert_eq!(claims.exp - claims.iat, 3600);
    let params = JwtTemplateParams { lifetime: Some(60), ..params };
    let updated = client.jwt_templates().update_jwt_template(&template.id, params).await.unwrap();
    assert_eq!(updated.lifetime, 60);
    assert_eq!(client.jwt_templates().get_jwt_template(&template.id).await.unwrap(), updated);
    assert_eq!(client.jwt_templates().list_jwt_templates(PageParams::new()).await.unwrap(), [updated]);
    assert!(client.jwt_templates().delete_jwt_template(&template.id).await.unwrap().deleted);

    let browser = client.clients().get_client(&session.client_id).await.unwrap();
    assert_eq!((&browser.session_ids, browser.sessions.len()), (&vec![session.id.clone()], 1));
    let page = client.clients().get_client_list_page(PageParams::new().limit(1)).await.unwrap();
    assert_eq!((page.total_count, &page.data), (1, &vec![browser]));
    let revoked = sessions.revoke_session(&session.id).await.unwrap();
    assert_eq!(revoked.status, UserSessionStatus::Revoked);
    let over = sessions.create_session_token(&session.id, CreateSessionTokenParams::new()).await.unwrap_err();
    assert!(over.status().is_some_and(|status| (400..500).contains(&status)), "{over}");

    let keys = client.jwks().get_jwks().await.unwrap();
    assert_eq!((keys.keys[0].kty.as_str(), keys.keys[0].alg.as_deref()), ("RSA", Some("RS256")));
    server.stop().await;
}

#[tokio::test]
async fn lists_come_in_both_forms_and_as_a_stream() {
    let server = TestServer::start().await.unwrap();
    let client = client_of(&server);
    let (ada, bob) = (user(&client, NUMBER).await, user(&client, "+12025550101").await);
    let sessions = client.sessions();
    let mut ids = BTreeSet::new();
    for _ in 0..5 {
        ids.insert(sessions.create_session(CreateSessionParams::new(&*ada.id)).await.unwrap().id);
    }
    let of_bob = sessions.create_session(CreateSessionParams::new(&*bob.id)).await.unwrap();
    let of_ada = GetSessionListParams::new().user_id(&*ada.id).status("active").limit(2);
    let list = sessions.get_session_list(of_ada.clone()).await.unwrap();
    let page = sessions.get_session_list_page(of_ada.clone()).await.unwrap();
    assert_eq!((page.data.len(), page.total_count), (2, 5));
    assert_eq!(list, page.data);
    let mut seen = BTreeSet::new();
    let mut stream = sessions.stream_session_list(of_ada.clone());
    while let Some(session) = stream.try_next().await.unwrap() {
        assert!(seen.insert(session.id), "twice");
    }
    assert_eq!(seen, ids);
    assert_eq!(stream.try_next().await.unwrap(), None);
    let mut rest = sessions.stream_session_list(of_ada.offset(3));
    let mut count = 0;
    while rest.try_next().await.unwrap().is_some() {
        count += 1;
    }
    assert_eq!(count, 2);
    let on_client = GetSessionListParams::new().client_id(&*of_bob.client_id);
    assert_eq!(sessions.get_session_list(on_client).await.unwrap(), [of_bob]);
    let signed_in = GetUserListParams::new().last_active_at_after(UnixMillis(1));
    let users = client.users().get_user_list(signed_in).await.unwrap();
    assert!(users.iter().all(|user| user.last_active_at.is_some()));
    server.stop().await;
}

#[tokio::test]
async fn stream_of_a_list_ends_with_an_error_and_with_a_page_that_comes_again() {
    let mock = MockTransport::new();
    let url = |id: &str| json!({"id": id, "url": "a:b", "created_at": 1, "updated_at": 1});
    let page = |ids: [&str; 2]| Answer::json(200, json!({"data": ids.map(url), "total_count": 9}));
    mock.push(page(["ru_1", "ru_2"]));
    mock.push(Answer::error(500, "internal_clerk_error", None));
    let mut stream = mock.client().redirect_urls().stream_redirect_urls(PageParams::new().limit(2));
    assert_eq!(mock.requests().len(), 0, "nothing is asked before it is needed");
    for _ in 0..2 {
        stream.try_next().await.unwrap().unwrap();
    }
    assert_eq!(mock.requests().len(), 1);
    assert_eq!(stream.try_next().await.unwrap_err().status(), Some(500));
    assert_eq!(stream.try_next().await.unwrap(), None);
    let queries: Vec<_> = mock.requests().iter().map(|request| request.query_string().to_owned()).collect();
    assert_eq!(queries[..2], ["limit=2&offset=0&paginated=true", "limit=2&offset=2&paginated=true"]);
    // A service that ignores the offset would be read for ever.
    let mock = MockTransport::new();
    mock.push(page(["ru_1", "ru_2"]));
    mock.push(page(["ru_1", "ru_2"]));
    let mut stream = mock.client().redirect_urls().stream_redirect_urls(PageParams::new());
    for _ in 0..2 {
        stream.try_next().await.unwrap().unwrap();
    }
    assert!(stream.try_next().await.unwrap_err().is_decode());
    assert_eq!(stream.try_next().await.unwrap(), None);
}

#[tokio::test]
async fn tickets_are_made_shown_once_and_revoked() {
    let server = TestServer::start().await.unwrap();
    let client = client_of(&server);
    let (ada, bob) = (user(&client, NUMBER).await, user(&client, "+12025550101").await);
    let params = CreateSignInTokenParams::new(&*ada.id).expires_in_seconds(600);
    let token = client.sign_in_tokens().create_sign_in_token(params).await.unwrap();
    let ticket = token.token.clone().unwrap();
    assert!(ticket.starts_with("ticket_") && !format!("{token:?}").contains(&ticket));
    assert_eq!((&token.user_id, &token.status), (&ada.id, &TicketStatus::Pending));
    let revoked = client.sign_in_tokens().revoke_sign_in_token(&token.id).await.unwrap();
    assert_eq!((revoked.status, revoked.token), (TicketStatus::Revoked, None));

    let params =
        CreateActorTokenParams::new(&*ada.id, [("sub", &*bob.id)]).session_max_duration_in_seconds(60);
    let token = client.actor_tokens().create_actor_token(params).await.unwrap();
    assert_eq!((&token.actor["sub"], token.token.is_some()), (&json!(bob.id), true));
    let revoked = client.actor_tokens().revoke_actor_token(&token.id).await.unwrap();
    assert_eq!(revoked.status, TicketStatus::Revoked);
    let testing = client.testing_tokens().create_testing_token().await.unwrap();
    assert!(testing.expires_at_seconds < 10_000_000_000 && !format!("{testing:?}").contains(&testing.token));

    let invitations = client.invitations();
    let params =
        CreateInvitationParams::new("eve@example.com").public_metadata([("plan", "trial")]).notify(false);
    let eve = invitations.create_invitation(params).await.unwrap();
    assert_eq!(eve.public_metadata["plan"], "trial");
    let people =
        ["fay@example.com", "gus@example.com"].map(|who| CreateInvitationParams::new(who).notify(false));
    let made = invitations.create_bulk_invitations(&people).await.unwrap();
    assert_eq!(
        made.iter().map(|one| &*one.email_address).collect::<Vec<_>>(),
        ["fay@example.com", "gus@example.com"]
    );
    let error = invitations.create_bulk_invitations(&[]).await.unwrap_err();
    assert_eq!(error.status(), Some(400));
    let revoked = invitations.revoke_invitation(&eve.id).await.unwrap();
    assert!(revoked.revoked && revoked.status == TicketStatus::Revoked);
    let pending = ListInvitationsParams::new().status("pending").order_by("+email_address");
    let page = invitations.list_invitations_page(pending.clone().limit(1)).await.unwrap();
    assert_eq!((page.total_count, &*page.data[0].email_address), (2, "fay@example.com"));
    assert_eq!(invitations.list_invitations(pending).await.unwrap().len(), 2);
    server.stop().await;
}

#[tokio::test]
async fn lists_of_identifiers_and_urls_are_added_to_and_taken_from() {
    let server = TestServer::start().await.unwrap();
    let client = client_of(&server);
    let allowed = client.allowlist_identifiers();
    let entry = CreateAllowlistIdentifierParams::new("*@example.com");
    let entry = allowed.create_allowlist_identifier(entry).await.unwrap();
    assert_eq!(entry.identifier_type, IdentifierType::EmailAddress);
    assert_eq!(
        allowed.list_allowlist_identifiers(PageParams::new()).await.unwrap(),
        std::slice::from_ref(&entry)
    );
    assert!(allowed.delete_allowlist_identifier(&entry.id).await.unwrap().deleted);
    assert_eq!(allowed.list_allowlist_identifiers_page(PageParams::new()).await.unwrap().total_count, 0);

    let blocked = client.blocklist_identifiers();
    let entry = CreateBlocklistIdentifierParams::new("+12025550199");
    let entry = blocked.create_blocklist_identifier(entry).await.unwrap();
    let page = blocked.list_blocklist_identifiers(PageParams::new()).await.unwrap();
    assert_eq!((page.total_count, page.data), (1, vec![entry.clone()]));
    let mut stream = blocked.stream_blocklist_identifiers(PageParams::new());
    assert_eq!(stream.try_next().await.unwrap().as_ref(), Some(&entry));
    assert_eq!(stream.try_next().await.unwrap(), None);
    blocked.delete_blocklist_identifier(&entry.id).await.unwrap();

    let urls = client.redirect_urls();
    let url = CreateRedirectUrlParams::new("com.example.app://signed-in");
    let url = urls.create_redirect_url(url).await.unwrap();
    assert_eq!(urls.get_redirect_url(&url.id).await.unwrap(), url);
    assert_eq!(urls.list_redirect_urls(PageParams::new()).await.unwrap(), std::slice::from_ref(&url));
    urls.delete_redirect_url(&url.id).await.unwrap();
    assert!(urls.get_redirect_url(&url.id).await.unwrap_err().is_not_found());
    server.stop().await;
}

#[tokio::test]
async fn instance_is_set_in_parts_and_as_one_document() {
    let server = TestServer::start().await.unwrap();
    let client = client_of(&server);
    let instances = client.instances();
    let params = UpdateInstanceParams::new().allowed_origins(["https://app.example.com"]);
    instances.update_instance(params).await.unwrap();
    let read = instances.get_instance().await.unwrap();
    assert_eq!(read.allowed_origins.as_deref(), Some(&["https://app.example.com".to_owned()][..]));
    let params = UpdateInstanceRestrictionsParams::new().allowlist(true);
    assert!(instances.update_instance_restrictions(params).await.unwrap().allowlist);
    let params = UpdateInstanceCommunicationParams::new().blocked_country_codes(["NG"]);
    instances.update_instance_communication(params).await.unwrap();
    assert_eq!(instances.get_instance_communication().await.unwrap().blocked_country_codes, ["NG"]);
    let params = UpdateBetaInstanceSettingsParams::new().restricted_to_allowlist(true);
    assert!(instances.update_instance_auth_config(params).await.unwrap().restricted_to_allowlist);
    let details = instances.get_instance_details().await.unwrap();
    assert_eq!((&*details.id, &*details.environment), (server.instance_id(), "development"));
    let domains = client.domains().list_domains().await.unwrap();
    assert_eq!(domains.total_count as usize, details.frontend_hosts.len());

    let settings = client.settings().get_settings().response().await.unwrap();
    assert!(settings.value().extra.is_empty() && settings.value().sessions.extra.is_empty());
    assert_eq!(settings.value().frontend.allowed_origins, ["https://app.example.com"]);
    let params = UpdateSettingsParams {
        communication: Patch::Null,
        ..UpdateSettingsParams::new()
            .sessions([("lifetime_seconds", 86_400)])
            .sign_up([("mode", "public")])
            .password([("min_length", json!(12)), ("require_numbers", json!(true))])
    };
    let update = client.settings().update_settings(params);
    let changed = update.clone().if_match(settings.etag().unwrap()).await.unwrap();
    assert_eq!((changed.sessions.lifetime_seconds, changed.password.min_length), (86_400, 12));
    assert_eq!((&changed.sign_up.mode, changed.password.require_numbers), (&SignUpMode::Public, true));
    assert!(changed.communication.blocked_country_codes.is_empty());
    let stale = update.if_match(settings.etag().unwrap()).await.unwrap_err();
    assert!(stale.is_precondition_failed());
    server.stop().await;
}

#[tokio::test]
async fn signing_keys_rotate_and_are_retired() {
    let server = TestServer::start().await.unwrap();
    let client = client_of(&server);
    let keys = client.signing_keys();
    client.jwks().get_jwks().await.unwrap();
    let before = keys.list_signing_keys().await.unwrap();
    assert_eq!((before.len(), &before[0].state), (1, &SigningKeyState::Signing));
    assert!(before[0].public_key_pem.starts_with("-----BEGIN PUBLIC KEY-----"));
    let claims = [("plan", "gold")];
    let params = JwtTemplateParams::new("offline", claims).lifetime(7 * 24 * 3600);
    client.jwt_templates().create_jwt_template(params).await.unwrap();
    let new = keys.rotate_signing_key(RotateSigningKeyParams::new()).await.unwrap();
    assert!(new.extra.is_empty());
    assert_eq!(new.long_lived_templates, ["offline"]);
    assert_eq!((&new.state, new.signs_at > new.created_at), (&SigningKeyState::Pending, true));
    let published = client.jwks().get_jwks().await.unwrap();
    assert!(published.keys.iter().any(|key| key.kid == new.id));
    let again = keys.rotate_signing_key(RotateSigningKeyParams::new()).await.unwrap_err();
    assert!(again.status().is_some_and(|status| (400..500).contains(&status)), "{again}");
    let retired = keys.retire_signing_key(&new.id, RetireSigningKeyParams::new().now(true)).await.unwrap();
    assert_eq!(retired.state, SigningKeyState::Retired);
    server.stop().await;
}

#[tokio::test]
async fn secrets_of_a_browser_are_sent_and_its_tokens_read() {
    let mock = MockTransport::new();
    mock.push(Answer::json(200, json!({"object": "token", "jwt": "eyJ.a.b"})));
    mock.push(Answer::json(200, json!({"object": "cookies", "cookies": ["__session=eyJ.a.b; Path=/"]})));
    mock.push(Answer::json(
        200,
        json!({"id": "client_1", "created_at": 1, "updated_at": 1, "sessions": null}),
    ));
    let client = mock.client();
    let params = RefreshSessionParams::new("eyJ.old.x", "refresh_1", "https://app.example.com");
    let token = client.sessions().refresh_session("sess_1", params.clone()).await.unwrap();
    assert_eq!((token.jwt.as_deref(), token.cookies.len()), (Some("eyJ.a.b"), 0));
    let params = params.format("cookie").request_headers([("x-forwarded-for", vec!["192.0.2.7"])]);
    let request = client.sessions().refresh_session("sess_1", params).query("suffixed_cookies", "true");
    assert_eq!(request.await.unwrap().cookies, ["__session=eyJ.a.b; Path=/"]);
    let read = client.clients().verify_client(VerifyClientParams::new("client_secret_1")).await.unwrap();
    assert_eq!(read.id, "client_1");
    let sent = mock.requests();
    assert_eq!(
        sent[0].json(),
        json!({"expired_token": "eyJ.old.x", "refresh_token": "refresh_1", "request_origin": "https://app.example.com"})
    );
    assert_eq!(sent[1].json()["request_headers"], json!({"x-forwarded-for": ["192.0.2.7"]}));
    assert_eq!(sent[1].query_string(), "suffixed_cookies=true");
    assert_eq!(sent[2].json(), json!({"token": "client_secret_1"}));
    // A refresh token is good once: what was sent is not sent again by itself.
    assert!(sent.iter().all(|request| request.header("idempotency-key").is_none()));
}

#[test]
fn unknown_values_and_fields_of_sessions_and_settings_survive() {
    let session = json!({
        "id": "sess_1", "object": "session", "user_id": "user_1", "client_id": "client_1", "actor": {"sub": "user_2"},
        "status": "dormant", "last_active_organization_id": null, "last_active_at": 1, "expire_at": 2, "abandon_at": 3,
        "updated_at": 1, "created_at": 1, "tasks": [{"key": "sing-a-song", "verses": 3}], "of_tomorrow": {"a": 1},
        "latest_activity": {"id": "sess_activity_1", "object": "session_activity", "is_mobile": false, "planet": "Mars",
            "device_type": null, "browser_name": null, "browser_version": null, "ip_address": null, "city": null,
            "country": null},
    });
    let read: verger_client::UserSession = serde_json::from_value(session.clone()).unwrap();
    assert_eq!(read.status, UserSessionStatus::Unknown("dormant".to_owned()));
    assert_eq!(serde_json::to_value(&read).unwrap(), session);
    let settings = json!({"instance_id": "ins_1", "version": 1, "sign_up": {"mode": "by_lottery"}, "weather": {"rain": true}});
    let read: verger_client::InstanceSettings = serde_json::from_value(settings).unwrap();
    assert_eq!(read.sign_up.mode.as_str(), "by_lottery");
    assert_eq!((read.sessions.single, &read.extra["weather"]["rain"]), (true, &json!(true)));
}
