//! The decision table of the official SDK: every row, in both environments. `tests/decisions.json` says what each request leads to;
//! interop/js holds the official SDK against the same table.
//!
//! The tokens are in `tests/decision_tokens.json`, with the public key that verifies them and the time at which they are looked at.
//! `VERGER_RECORD_TOKENS=1` makes new ones.

use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use verger_client::testing::{Answer, MockTransport};
use verger_client::{
    AuthState, Authenticator, IncomingRequest, OrganizationClaims, OrganizationSync, Satellite,
    SessionClaims, SessionStatus, UnixMillis,
};
use verger_jwt::{CATEGORY_SESSION, CATEGORY_TEMPLATE, HandshakeClaims, SigningKey, TemplateClaims};

const NOW_S: i64 = 1_795_000_000;
const KID: &str = "ins_2fVKj1HqzBPLiCZ9CkcSBVaVkTm";
const ISSUER: &str = "https://clerk.example.com";
const PUBLISHABLE_KEYS: [(&str, &str, &str); 2] = [
    ("development", "pk_test_Y2xlcmsuZXhhbXBsZS5jb20k", "l2OS3d9k"),
    ("production", "pk_live_Y2xlcmsuZXhhbXBsZS5jb20k", "naoXFJnI"),
];

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

fn read(name: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(file(name)).unwrap()).unwrap()
}

fn session() -> SessionClaims {
    let mut claims = SessionClaims::new(ISSUER, "user_1", "sess_1", NOW_S - 10);
    claims.jti = Some("0123456789abcdef0123".to_owned());
    claims.azp = Some("https://app.example.com".to_owned());
    claims.fva = Some([0, -1]);
    claims.sts = Some(SessionStatus::Active);
    claims
}

fn session_tokens(key: &SigningKey, other: &SigningKey) -> Map<String, Value> {
    let mut tokens = Map::new();
    let mut add = |name: &str, key: &SigningKey, kid: &str, change: &dyn Fn(&mut SessionClaims)| {
        let mut claims = session();
        change(&mut claims);
        tokens.insert(name.to_owned(), json!(key.sign_session(kid, &claims).unwrap()));
    };
    add("valid", key, KID, &|_| {});
    add("no_azp", key, KID, &|claims| claims.azp = None);
    add("pending", key, KID, &|claims| claims.sts = Some(SessionStatus::Pending));
    add("audience", key, KID, &|claims| _ = claims.custom.insert("aud".to_owned(), json!("api")));
    add("expired", key, KID, &|claims| {
        (claims.iat, claims.nbf, claims.exp) = (NOW_S - 200, NOW_S - 210, NOW_S - 140)
    });
    add("early", key, KID, &|claims| (claims.nbf, claims.exp) = (NOW_S + 60, NOW_S + 120));
    add("future", key, KID, &|claims| (claims.iat, claims.exp) = (NOW_S + 60, NOW_S + 120));
    add("machine_subject", key, KID, &|claims| claims.sub = "mch_1".to_owned());
    add("other_key", other, KID, &|_| {});
    add("other_instance", other, "ins_2other", &|claims| {
        claims.iss = "https://clerk.other.example".to_owned()
    });
    add("organization", key, KID, &|claims| {
        let slug = Some("acme".to_owned());
        let role = Some("admin".to_owned());
        claims.organization =
            Some(OrganizationClaims { id: "org_1".to_owned(), slug, role, ..OrganizationClaims::default() });
    });
    tokens
}

/// Of two tokens the first, with the payload of the second.
fn tampered(token: &Value, other: &Value) -> Value {
    let parts =
        |token: &Value| -> Vec<String> { token.as_str().unwrap().split('.').map(str::to_owned).collect() };
    let (token, other) = (parts(token), parts(other));
    json!(format!("{}.{}.{}", token[0], other[1], token[2]))
}

fn record() -> Value {
    let (key, other) = (SigningKey::generate_rs256().unwrap(), SigningKey::generate_rs256().unwrap());
    let mut tokens = session_tokens(&key, &other);
    let claims = Value::Object(session().to_json());
    let header = |name: &str, value: &str| {
        let mut header = json!({"alg": "RS256", "typ": "JWT", "kid": KID, "cat": CATEGORY_SESSION});
        header[name] = json!(value);
        header
    };
    let pem = key.verifying_key().to_pem().unwrap();
    let hmac = SigningKey::from_text(verger_jwt::Algorithm::Hs256, &pem).unwrap();
    let mut no_issuer = session().to_json();
    no_issuer.shift_remove("iss");
    let template = TemplateClaims::new(ISSUER, "user_1", NOW_S - 10, 60, 5);
    let cookies = |lines: &[String]| {
        let claims = HandshakeClaims::new(ISSUER, NOW_S - 10, lines.to_vec());
        json!(key.sign_handshake(KID, &claims).unwrap())
    };
    let line = |token: &Value| format!("__session={}; Path=/", token.as_str().unwrap());
    let signed_in = cookies(&["__client_uat=1794999900; Path=/".to_owned(), line(&tokens["valid"])]);
    let expired = cookies(&[line(&tokens["expired"])]);
    let signed_out = cookies(&["__client_uat=0; Path=/".to_owned()]);
    let more = [
        ("no_token", json!("bm8.token")),
        ("no_issuer", json!(other.sign_anything(&header("kid", KID), &Value::Object(no_issuer)).unwrap())),
        ("machine", json!(key.sign_anything(&header("typ", "at+jwt"), &claims).unwrap())),
        ("hmac", json!(hmac.sign_anything(&header("alg", "HS256"), &claims).unwrap())),
        ("none", json!(key.sign_anything(&header("alg", "none"), &claims).unwrap())),
        ("template", json!(key.sign_template(Some(KID), &template).unwrap())),
        ("tampered", tampered(&tokens["valid"], &tokens["no_azp"])),
        ("handshake_tampered", tampered(&signed_in, &expired)),
        ("handshake", signed_in),
        ("handshake_expired", expired),
        ("handshake_signed_out", signed_out),
    ];
    tokens.extend(more.map(|(name, token)| (name.to_owned(), token)));
    assert_eq!(CATEGORY_TEMPLATE, "cl_B7d4PD222AAA");
    json!({"now_ms": NOW_S * 1_000, "jwt_key": pem, "tokens": tokens})
}

/// A text of the table with its tokens and the suffix of the instance's cookies.
fn filled(text: &str, tokens: &Map<String, Value>, suffix: &str) -> String {
    let text = text.replace("{suffix}", suffix);
    tokens
        .iter()
        .fold(text, |text, (name, token)| text.replace(&format!("{{{name}}}"), token.as_str().unwrap()))
}

fn authenticator(case: &Value, recorded: &Value, mock: &MockTransport) -> Authenticator {
    let options = &case["options"];
    let text = |name: &str| options[name].as_str().map(str::to_owned);
    let list = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    let (_, key, _) = publishable_key(case);
    let mut builder = mock
        .client()
        .authenticator()
        .jwt_key(recorded["jwt_key"].as_str().unwrap())
        .publishable_key(key)
        .clock(|| UnixMillis(NOW_S * 1_000))
        .authorized_parties(list(&options["authorizedParties"]))
        .audiences(text("audience"))
        .organization_sync(OrganizationSync {
            organizations: list(&options["organizationSyncOptions"]["organizationPatterns"]),
            personal_accounts: list(&options["organizationSyncOptions"]["personalAccountPatterns"]),
        });
    if options["isSatellite"] == true {
        builder = builder.satellite(Satellite {
            domain: text("domain"),
            sign_in_url: text("signInUrl"),
            auto_sync: options["satelliteAutoSync"] == true,
        });
    }
    if let Some(url) = text("proxyUrl") {
        builder = builder.proxy_url(url);
    }
    builder.build().unwrap()
}

fn publishable_key(case: &Value) -> (&'static str, &'static str, &'static str) {
    *PUBLISHABLE_KEYS.iter().find(|(environment, ..)| case["environment"] == **environment).unwrap()
}

fn request(case: &Value, fill: &dyn Fn(&str) -> String) -> IncomingRequest {
    let texts = |name: &str| -> Vec<(String, String)> {
        let object = case[name].as_object().unwrap();
        object.iter().map(|(name, value)| (fill(name), fill(value.as_str().unwrap()))).collect()
    };
    let cookies: Vec<String> =
        texts("cookies").iter().map(|(name, value)| format!("{name}={value}")).collect();
    let request = IncomingRequest::new(case["method"].as_str().unwrap(), fill(case["url"].as_str().unwrap()));
    let request =
        texts("headers").into_iter().fold(request, |request, (name, value)| request.header(&name, value));
    if cookies.is_empty() { request } else { request.header("cookie", cookies.join("; ")) }
}

fn check(case: &Value, state: Option<&AuthState>, fill: &dyn Fn(&str) -> String) {
    let context = format!("row {}, {}: {} {state:?}", case["row"], case["environment"], case["name"]);
    let status = match state {
        None => "error",
        Some(AuthState::SignedIn(_) | AuthState::Pending(_)) => "signed-in",
        Some(AuthState::SignedOut(_)) => "signed-out",
        Some(_) => "handshake",
    };
    assert_eq!(case["status"], status, "{context}");
    let Some(state) = state else {
        return;
    };
    assert_eq!(case["reason"].as_str(), state.reason(), "{context}");
    assert_eq!(case["pending"] == true, matches!(state, AuthState::Pending(_)), "{context}");
    assert_eq!(
        case["status"] == "signed-in" && case["pending"] != true,
        state.session().is_some(),
        "{context}"
    );
    let values = |name: &str| -> Vec<&str> {
        state.headers().iter().filter(|(other, _)| other == name).map(|(_, value)| value.as_str()).collect()
    };
    if let Some(location) = case["location"].as_str() {
        assert_eq!(state.location(), Some(fill(location).as_str()), "{context}");
        assert_eq!(values("cache-control"), ["no-store"], "{context}");
    } else if status != "handshake" {
        assert_eq!(state.location(), None, "{context}");
    }
    if let Some(lines) = case["set_cookies"].as_array() {
        let lines: Vec<String> = lines.iter().map(|line| fill(line.as_str().unwrap())).collect();
        assert_eq!(values("set-cookie"), lines, "{context}");
    }
    if state.reason().is_some() {
        assert_eq!(values("x-clerk-auth-status"), [status], "{context}");
        assert_eq!(Some(values("x-clerk-auth-reason")[0]), state.reason(), "{context}");
    }
}

#[tokio::test]
async fn each_row_of_the_decision_table_leads_where_it_says() {
    if std::env::var_os("VERGER_RECORD_TOKENS").is_some() {
        let text = serde_json::to_string_pretty(&record()).unwrap();
        std::fs::write(file("decision_tokens.json"), format!("{text}\n")).unwrap();
    }
    let recorded = read("decision_tokens.json");
    assert_eq!(recorded["now_ms"], NOW_S * 1_000);
    let tokens = recorded["tokens"].as_object().unwrap();
    let cases = read("decisions.json");
    let mut rows = BTreeSet::new();
    for case in cases.as_array().unwrap() {
        rows.extend(case["row"].as_u64());
        let (_, _, suffix) = publishable_key(case);
        let fill = |text: &str| filled(text, tokens, suffix);
        let mock = MockTransport::new();
        let answers = case["answers"].as_array().cloned().unwrap_or_default();
        for answer in &answers {
            let body = serde_json::from_str(&fill(&answer["body"].to_string())).unwrap();
            mock.push(Answer::json(u16::try_from(answer["status"].as_u64().unwrap()).unwrap(), body));
        }
        let outcome = authenticator(case, &recorded, &mock).authenticate_request(&request(case, &fill)).await;
        check(case, outcome.as_ref().ok(), &fill);
        assert_eq!(mock.requests().len(), answers.len(), "{}: what the service was asked", case["name"]);
    }
    assert!(rows.into_iter().eq(1..=19), "a row of the table has no case");
}
