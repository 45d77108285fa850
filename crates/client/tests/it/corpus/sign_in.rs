//! What the server says about signing in: credentials, sessions, tokens, tickets, and the instance that issues them.

use super::{Tape, id};
use serde_json::{Value, json};
use verger_client::{
    ActorToken, AllowlistIdentifier, BetaInstanceSettings, BlocklistIdentifier, CodeVerified,
    CredentialRemoved, DeletedObject, Domain, Instance, InstanceCommunication, InstanceDetails,
    InstanceRestrictions, InstanceSettings, Invitation, JsonWebKeySet, JwtTemplate, NoContent, Page,
    PasswordVerified, RedirectUrl, SessionToken, SignInToken, SigningKey, TestingToken, User, UserClient,
    UserSession,
};

const PASSWORD: &str = "a long sentence of mine";
const BACKUP_CODE: &str = "k3x9-w2qd";
const TOTP_SECRET: &str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";

/// The password, the authenticator and the backup codes of this user, who has none of them afterwards.
pub(super) async fn record_credentials(t: &mut Tape, bare: &str) {
    let user = format!("/v1/users/{bare}");
    let secrets = json!({"password": PASSWORD, "totp_secret": TOTP_SECRET, "backup_codes": [BACKUP_CODE]});
    t.ok::<User>("UpdateUser", "_credentials", &format!("PATCH {user}"), secrets).await;
    let verify = format!("POST {user}/verify_password");
    t.ok::<PasswordVerified>("VerifyPassword", "", &verify, json!({"password": PASSWORD})).await;
    let wrong = json!({"password": "another sentence"});
    t.refused("error_wrong_password", &verify, "", wrong, (422, "incorrect_password")).await;
    let verify = format!("POST {user}/verify_totp");
    t.ok::<CodeVerified>("VerifyTOTP", "", &verify, json!({"code": BACKUP_CODE})).await;
    let compromised = format!("POST {user}/password/set_compromised");
    t.ok::<User>("SetUserPasswordCompromised", "", &compromised, json!({})).await;
    let restored = format!("POST {user}/password/unset_compromised");
    t.ok::<User>("UnsetUserPasswordCompromised", "", &restored, Value::Null).await;
    t.ok::<User>("RemoveUserPassword", "", &format!("POST {user}/remove_password"), json!({})).await;
    let removed =
        t.ok::<CredentialRemoved>("DeleteTOTP", "", &format!("DELETE {user}/totp"), Value::Null).await;
    assert_eq!(removed["user_id"], bare);
    t.refused(
        "error_no_password",
        &format!("POST {user}/verify_password"),
        "",
        json!({"password": PASSWORD}),
        (400, "no_password_set"),
    )
    .await;
    let more = json!({"backup_codes": [BACKUP_CODE]});
    t.ok::<User>("UpdateUser", "_backup_codes", &format!("PATCH {user}"), more).await;
    let remove = format!("DELETE {user}/backup_code");
    t.ok::<CredentialRemoved>("DeleteBackupCode", "", &remove, Value::Null).await;
}

/// Sessions of this user with their tokens and clients, and the templates of tokens.
pub(super) async fn record_sessions(t: &mut Tape, ada: &str) {
    let template =
        json!({"name": "billing", "claims": {"plan": "{{user.public_metadata.plan}}", "n": [1, {}]}});
    let made = t.ok::<JwtTemplate>("CreateJWTTemplate", "", "POST /v1/jwt_templates", template).await;
    let template = format!("/v1/jwt_templates/{}", id(&made));
    t.ok::<JwtTemplate>("GetJWTTemplate", "", &format!("GET {template}"), Value::Null).await;
    let changed =
        json!({"name": "billing", "claims": {"plan": "gold"}, "lifetime": 600, "allowed_clock_skew": 0});
    t.ok::<JwtTemplate>("UpdateJWTTemplate", "", &format!("PATCH {template}"), changed).await;
    t.ok::<Vec<JwtTemplate>>("ListJWTTemplates", "", "GET /v1/jwt_templates", Value::Null).await;
    let page = "GET /v1/jwt_templates?paginated=true";
    t.ok::<Page<JwtTemplate>>("ListJWTTemplates", "_page", page, Value::Null).await;

    let who = json!({"user_id": ada});
    let session = t.ok::<UserSession>("createSession", "", "POST /v1/sessions", who).await;
    let client = format!("/v1/clients/{}", session["client_id"].as_str().unwrap());
    let session = format!("/v1/sessions/{}", id(&session));
    t.ok::<UserSession>("GetSession", "", &format!("GET {session}"), Value::Null).await;
    t.ok::<Vec<UserSession>>("GetSessionList", "", "GET /v1/sessions", Value::Null).await;
    let page = "GET /v1/sessions?paginated=true&status=active";
    t.ok::<Page<UserSession>>("GetSessionList", "_page", page, Value::Null).await;
    let tokens = format!("POST {session}/tokens");
    t.ok::<SessionToken>("CreateSessionToken", "", &tokens, Value::Null).await;
    let of_template = format!("{tokens}/billing");
    t.ok::<SessionToken>("CreateSessionTokenFromTemplate", "", &of_template, Value::Null).await;
    t.ok::<UserClient>("GetClient", "", &format!("GET {client}"), Value::Null).await;
    t.ok::<Vec<UserClient>>("GetClientList", "", "GET /v1/clients", Value::Null).await;
    let page = "GET /v1/clients?paginated=true";
    t.ok::<Page<UserClient>>("GetClientList", "_page", page, Value::Null).await;
    t.ok::<UserSession>("RevokeSession", "", &format!("POST {session}/revoke"), Value::Null).await;
    t.ok::<DeletedObject>("DeleteJWTTemplate", "", &format!("DELETE {template}"), Value::Null).await;
    t.ok::<JsonWebKeySet>("GetJWKS", "", "GET /v1/jwks", Value::Null).await;
}

/// Tickets for these users, and invitations.
pub(super) async fn record_tickets(t: &mut Tape, ada: &str, bare: &str) {
    let new = json!({"user_id": ada, "expires_in_seconds": 600});
    let made = t.ok::<SignInToken>("CreateSignInToken", "", "POST /v1/sign_in_tokens", new).await;
    let revoke = format!("POST /v1/sign_in_tokens/{}/revoke", id(&made));
    t.ok::<SignInToken>("RevokeSignInToken", "", &revoke, Value::Null).await;
    let new = json!({"user_id": ada, "actor": {"sub": bare, "reason": "support"}});
    let made = t.ok::<ActorToken>("CreateActorToken", "", "POST /v1/actor_tokens", new).await;
    let revoke = format!("POST /v1/actor_tokens/{}/revoke", id(&made));
    t.ok::<ActorToken>("RevokeActorToken", "", &revoke, Value::Null).await;
    t.ok::<TestingToken>("CreateTestingToken", "", "POST /v1/testing_tokens", Value::Null).await;

    let new =
        json!({"email_address": "eve@example.com", "public_metadata": {"plan": "trial"}, "notify": false});
    let made = t.ok::<Invitation>("CreateInvitation", "", "POST /v1/invitations", new).await;
    let both = json!([{"email_address": "fay@example.com", "notify": false},
        {"email_address": "gus@example.com", "notify": false, "expires_in_days": 1}]);
    t.ok::<Vec<Invitation>>("CreateBulkInvitations", "", "POST /v1/invitations/bulk", both).await;
    t.ok::<Vec<Invitation>>("ListInvitations", "", "GET /v1/invitations", Value::Null).await;
    let page = "GET /v1/invitations?paginated=true&limit=1";
    t.ok::<Page<Invitation>>("ListInvitations", "_page", page, Value::Null).await;
    let revoke = format!("POST /v1/invitations/{}/revoke", id(&made));
    t.ok::<Invitation>("RevokeInvitation", "", &revoke, Value::Null).await;
}

/// The two lists, and the URLs to come back to.
pub(super) async fn record_access(t: &mut Tape) {
    let all = "/v1/allowlist_identifiers";
    let new = json!({"identifier": "*@example.com"});
    let made =
        t.ok::<AllowlistIdentifier>("CreateAllowlistIdentifier", "", &format!("POST {all}"), new).await;
    t.ok::<Vec<AllowlistIdentifier>>("ListAllowlistIdentifiers", "", &format!("GET {all}"), Value::Null)
        .await;
    let page = format!("GET {all}?paginated=true");
    t.ok::<Page<AllowlistIdentifier>>("ListAllowlistIdentifiers", "_page", &page, Value::Null).await;
    let delete = format!("DELETE {all}/{}", id(&made));
    t.ok::<DeletedObject>("DeleteAllowlistIdentifier", "", &delete, Value::Null).await;

    let all = "/v1/blocklist_identifiers";
    let new = json!({"identifier": "+12025550199"});
    let made =
        t.ok::<BlocklistIdentifier>("CreateBlocklistIdentifier", "", &format!("POST {all}"), new).await;
    t.ok::<Page<BlocklistIdentifier>>("ListBlocklistIdentifiers", "", &format!("GET {all}"), Value::Null)
        .await;
    let delete = format!("DELETE {all}/{}", id(&made));
    t.ok::<DeletedObject>("DeleteBlocklistIdentifier", "", &delete, Value::Null).await;

    let all = "/v1/redirect_urls";
    let new = json!({"url": "com.example.app://signed-in"});
    let made = t.ok::<RedirectUrl>("CreateRedirectURL", "", &format!("POST {all}"), new).await;
    let one = format!("{all}/{}", id(&made));
    t.ok::<RedirectUrl>("GetRedirectURL", "", &format!("GET {one}"), Value::Null).await;
    t.ok::<Vec<RedirectUrl>>("ListRedirectURLs", "", &format!("GET {all}"), Value::Null).await;
    t.ok::<Page<RedirectUrl>>("ListRedirectURLs", "_page", &format!("GET {all}?paginated=true"), Value::Null)
        .await;
    t.ok::<DeletedObject>("DeleteRedirectURL", "", &format!("DELETE {one}"), Value::Null).await;
}

/// The instance, its settings and its keys.
pub(super) async fn record_instance(t: &mut Tape) {
    let origins = json!({"allowed_origins": ["https://app.example.com"]});
    t.ok::<NoContent>("UpdateInstance", "", "PATCH /v1/instance", origins).await;
    t.ok::<Instance>("GetInstance", "", "GET /v1/instance", Value::Null).await;
    let restrictions = json!({"allowlist": true, "block_email_subaddresses": true});
    let target = "PATCH /v1/instance/restrictions";
    t.ok::<InstanceRestrictions>("UpdateInstanceRestrictions", "", target, restrictions).await;
    let blocked = json!({"blocked_country_codes": ["NG"]});
    let communication = "/v1/instance/communication";
    let target = format!("PATCH {communication}");
    t.ok::<InstanceCommunication>("UpdateInstanceCommunication", "", &target, blocked).await;
    let target = format!("GET {communication}");
    t.ok::<InstanceCommunication>("GetInstanceCommunication", "", &target, Value::Null).await;
    let beta = json!({"restricted_to_allowlist": true});
    let target = "PATCH /v1/beta_features/instance_settings";
    t.ok::<BetaInstanceSettings>("UpdateInstanceAuthConfig", "", target, beta).await;
    t.ok::<Page<Domain>>("ListDomains", "", "GET /v1/domains", Value::Null).await;
    t.ok::<InstanceDetails>("VergerGetInstance", "", "GET /verger/v1/instance", Value::Null).await;
    t.ok::<InstanceSettings>("VergerGetSettings", "", "GET /verger/v1/settings", Value::Null).await;
    let patch = json!({"sessions": {"lifetime_seconds": 86_400}, "restrictions": null, "sign_up": null});
    t.ok::<InstanceSettings>("VergerUpdateSettings", "", "PATCH /verger/v1/settings", patch).await;
    let keys = "/verger/v1/signing_keys";
    let rotated = t.ok::<SigningKey>("VergerRotateSigningKey", "", &format!("POST {keys}"), json!({})).await;
    t.ok::<Vec<SigningKey>>("VergerListSigningKeys", "", &format!("GET {keys}"), Value::Null).await;
    let retire = format!("POST {keys}/{}/retire", id(&rotated));
    t.ok::<SigningKey>("VergerRetireSigningKey", "", &retire, json!({"now": true})).await;
}
