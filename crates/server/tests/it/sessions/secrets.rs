//! Whoever has only a copy of the database (contract section 8, rule 6): can neither sign in, nor guess a password, nor mint a
//! token, nor use a factor. Each is tried with a server of theirs that reads the copy, and offline with every text in it.

use super::tables::{Rows, Tables};
use super::{far, mint, signed_in, text};
use crate::support::TestApp;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use verger_credentials::token::TokenKind;
use verger_credentials::{BackupCode, Digest, Hasher, Password, StoredDigest, TotpSecret, Workspace};
use verger_jwt::{Algorithm, SigningKey};
use verger_store::RefreshToken;

const PASSWORD: &str = "a rare one of mine";
const TOTP_SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
const BACKUP_CODE: &str = "wxyz-12345-mnop";
const TEMPLATE_KEY: &str = "a secret of a template of the application";

/// What there is of a user who has everything.
struct Owner {
    user: String,
    session: String,
    /// Opaque tokens that somebody holds, each of which opens something.
    tokens: Vec<String>,
    jwt: String,
}

async fn owner(app: &TestApp) -> Owner {
    let (user, session) = signed_in(app).await;
    let fields = json!({
        "password": PASSWORD, "totp_secret": TOTP_SECRET, "backup_codes": [BACKUP_CODE, "wxyz-12345-mnoq"],
    });
    app.patch(&format!("/v1/users/{user}"), fields).await.ok();
    let own = json!({ "name": "own", "claims": {}, "custom_signing_key": true, "signing_algorithm": "HS256",
        "signing_key": TEMPLATE_KEY });
    app.post("/v1/jwt_templates", own).await.ok();
    let jwt = text(&mint(app, &session).await.ok()["jwt"]);
    app.post(&format!("/v1/sessions/{session}/tokens/own"), json!({})).await.ok();
    let mut tokens = Vec::new();
    let actor = json!({ "user_id": user, "actor": { "sub": "user_1" } });
    for (path, body) in [("/v1/sign_in_tokens", json!({ "user_id": user })), ("/v1/actor_tokens", actor)] {
        tokens.push(text(&app.post(path, body).await.ok()["token"]));
    }
    let refresh_token = TokenKind::Refresh.token([7; 32]).to_string();
    let stored = RefreshToken {
        digest: TokenKind::Refresh.lookup(&refresh_token).unwrap(),
        session_id: session.as_str().into(),
        origin: "https://shop.example.com".to_owned(),
        created_at: app.now(),
    };
    let instance = app.instance_id().await;
    app.store.instance(&instance).add_refresh_token(&stored, far()).await.unwrap();
    tokens.push(refresh_token);
    Owner { user, session, tokens, jwt }
}

/// Every text in the rows, as a whole and in its parts.
fn texts(rows: &Rows) -> BTreeSet<String> {
    let values: Vec<_> = rows.values().flatten().flatten().collect();
    let parts = values.iter().flat_map(|value| value.split([':', ' ', ',', '"', '\n']).map(str::to_owned));
    let whole = values.iter().map(|value| (*value).clone());
    parts.chain(whole).filter(|text| !text.is_empty()).collect()
}

/// Whether a digest among the texts tells that a password is right.
fn tells_password(texts: &BTreeSet<String>, password: &str) -> bool {
    let password = Password::typed(password).unwrap();
    let mut workspace = Workspace::default();
    texts.iter().any(|text| {
        let imported = Hasher::IMPORTED.iter().filter_map(|hasher| Digest::parse(*hasher, text).ok());
        let own = StoredDigest::from_text(text).and_then(|stored| stored.digest().ok());
        imported.chain(own).any(|digest| digest.verify(&password, &mut workspace))
    })
}

/// Whether the texts have what makes the codes of the authenticator.
fn tells_totp(texts: &BTreeSet<String>) -> bool {
    let secrets = texts.iter().filter_map(|text| TotpSecret::parse(text).ok());
    secrets.into_iter().any(|secret| *secret.to_base32() == *TOTP_SECRET)
}

/// Whether the texts tell that a backup code is right.
fn tells_backup_code(texts: &BTreeSet<String>, code: &str) -> bool {
    let mut workspace = Workspace::default();
    let codes = texts.iter().filter_map(|text| BackupCode::from_text(text)).flatten();
    codes.into_iter().any(|known| known.matches(code, &mut workspace))
}

/// Whether one of the texts is a key that signs, or the application's own.
fn tells_signing_key(texts: &BTreeSet<String>) -> bool {
    texts.iter().any(|text| {
        let mut bytes = [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD]
            .into_iter()
            .filter_map(|encoding| encoding.decode(text.trim_end_matches('=')).ok());
        let pkcs8 = |bytes: Vec<u8>| SigningKey::from_pkcs8(Algorithm::Rs256, &bytes).is_ok();
        SigningKey::from_text(Algorithm::Rs256, text).is_ok()
            || bytes.any(pkcs8)
            || text.contains(TEMPLATE_KEY)
    })
}

/// Whether one of the texts, presented as what somebody holds, is found.
fn tells_token(texts: &BTreeSet<String>, held: &[String]) -> bool {
    texts.iter().any(|text| {
        let found = TokenKind::ALL.iter().filter_map(|kind| kind.lookup(text));
        let is_found = found.into_iter().any(|digest| texts.contains(&digest));
        let holds = |token: &String| text.contains(token.rsplit('_').next().unwrap_or(token));
        is_found || held.iter().any(holds)
    })
}

/// That each search finds what it looks for where it is: else it would prove nothing.
async fn assert_searches_find(owner: &Owner) {
    let one = |text: &str| BTreeSet::from([text.to_owned()]);
    let mut workspace = Workspace::default();
    let own = StoredDigest::own(&Password::typed(PASSWORD).unwrap(), [7; 16], &mut workspace);
    assert!(tells_password(&one(&own.to_text()), PASSWORD));
    assert!(tells_password(&one("d13a384bfba83709c2b4fe3747f1456f"), "Verger-test-1!"));
    assert!(tells_totp(&one(TOTP_SECRET)));
    assert!(tells_backup_code(&one(&BackupCode::to_text(&[BackupCode::of(BACKUP_CODE)])), BACKUP_CODE));
    let key = tokio::task::spawn_blocking(SigningKey::generate_rs256).await.unwrap().unwrap();
    let bytes = key.to_pkcs8().unwrap();
    assert!(tells_signing_key(&one(&STANDARD_NO_PAD.encode(bytes.expose_secret()))));
    for token in &owner.tokens {
        let digest = TokenKind::ALL.iter().find_map(|kind| kind.lookup(token)).unwrap();
        assert!(tells_token(&BTreeSet::from([token.clone(), digest]), &[]));
        assert!(tells_token(&one(token), std::slice::from_ref(token)));
    }
}

async fn status(thief: &TestApp, path: &str, body: Value) -> u16 {
    thief.call("POST", path).json(&body).send_unchecked().await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_6_copy_of_the_database_opens_nothing_without_the_keys() {
    let (app, tables) = Tables::of_a_server().await;
    let owner = owner(&app).await;
    assert_searches_find(&owner).await;
    let thief = app.copied().await;
    let code = TotpSecret::parse(TOTP_SECRET).unwrap().code_at(app.now().0);
    let user = |what: &str| format!("/v1/users/{}/{what}", owner.user);
    let session = |what: &str| format!("/v1/sessions/{}/{what}", owner.session);
    // Their server reads all of it. It neither signs nor compares, and counts nothing either.
    assert_eq!(thief.get(&format!("/v1/sessions/{}", owner.session)).await.ok()["status"], "active");
    for (path, body) in [
        (user("verify_password"), json!({ "password": PASSWORD })),
        (user("verify_password"), json!({ "password": "another rare one" })),
        (user("verify_totp"), json!({ "code": code })),
        (user("verify_totp"), json!({ "code": BACKUP_CODE })),
        (session("tokens"), json!({})),
        (session("tokens/own"), json!({})),
    ] {
        assert_eq!(status(&thief, &path, body.clone()).await, 500, "{path} {body}");
    }
    let shown = thief.get(&format!("/v1/users/{}", owner.user)).await.ok().clone();
    assert_eq!(shown["verification_attempts_remaining"], 100);
    // Offline, no text tells anything.
    let rows = tables.rows();
    let texts = texts(&rows);
    assert!(texts.contains(&owner.session) && texts.contains(&owner.user), "they have what there is");
    assert!(!tells_password(&texts, PASSWORD), "a password can be guessed");
    assert!(!tells_totp(&texts), "codes of the authenticator can be made");
    assert!(!tells_backup_code(&texts, BACKUP_CODE), "backup codes can be guessed");
    assert!(!tells_signing_key(&texts), "tokens can be signed");
    assert!(!tells_token(&texts, &owner.tokens), "a session or ticket can be used");
    let signature = owner.jwt.rsplit('.').next().unwrap();
    for secret in
        [PASSWORD, TOTP_SECRET, "wxyz12345mnop", "wxyz-12345", TEMPLATE_KEY, signature, "PRIVATE KEY"]
    {
        assert!(texts.iter().all(|text| !text.contains(secret)), "{secret} stands in the database");
    }
    // And the server that has the keys goes on.
    mint(&app, &owner.session).await.ok();
    app.post(&user("verify_password"), json!({ "password": PASSWORD })).await.ok();
    for code in [code.as_str(), BACKUP_CODE] {
        app.post(&user("verify_totp"), json!({ "code": code })).await.ok();
    }
}
