//! JWT templates: what they may say, and what becomes of their shortcodes.

use crate::support::{NOW, bare_user, env_at};
use expect_test::expect;
use verger_core::jwt_template::{
    FIXED_BYTES_MAX, NAME_CHARACTERS_MAX, RESERVED_CLAIMS, SESSION_TOKEN_TEMPLATE, SigningKey, Subject,
    TemplateFields, TemplateRefusal, fixed_bytes, render,
};
use verger_core::session::{NewSession, Origin, SessionRules};
use verger_core::{JwtTemplate, Malformed, Session, User};
use verger_wire::Refused;
use verger_wire::json::{Json, Object, parse};

fn object(text: &str) -> Object {
    match parse(text).unwrap() {
        Json::Object(object) => object,
        other => panic!("{other:?}"),
    }
}

fn fields(name: &str, claims: &str) -> TemplateFields {
    TemplateFields {
        name: name.to_owned(),
        claims: object(claims),
        lifetime_seconds: 60,
        clock_skew_seconds: 5,
        signing_key: None,
    }
}

fn create(fields: TemplateFields) -> Result<JwtTemplate, TemplateRefusal> {
    JwtTemplate::create("jtmp_1".into(), fields, NOW)
}

fn user() -> User {
    let mut user = bare_user(&mut env_at(NOW));
    user.id = "user_1".into();
    user.first_name = Some("Ada".to_owned());
    user.public_metadata =
        object(r#"{"role":"admin","seats":[1,{"row":2.50}],"no":false,"nested":{"a":null}}"#);
    user.unsafe_metadata = object(r#"{"theme":"dark"}"#);
    user.private_metadata = object(r#"{"secret":"x"}"#);
    user
}

fn session() -> Session {
    let origin = Origin::ActorToken { actor: object(r#"{"sub":"user_2","why":"help"}"#) };
    let new = NewSession { origin, ..crate::session::new(Origin::SignIn) };
    Session::begin(new, &SessionRules::default(), NOW).unwrap()
}

#[test]
fn shortcodes_become_the_values_of_user_and_session() {
    let claims = object(
        r#"{
            "id": "{{user.id}}", "in_text": "id={{user.id}}!", "name": "{{user.full_name}}", "last": "{{ user.last_name }}",
            "text_of_nothing": "[{{user.last_name}}]", "role": "{{user.public_metadata.role}}",
            "all": "{{user.public_metadata}}", "deep": "{{user.public_metadata.seats.1.row}}",
            "object_in_text": "x{{user.public_metadata.seats}}", "theme": "{{user.unsafe_metadata.theme}}",
            "private": "{{user.private_metadata}}", "private_part": "{{user.private_metadata.secret}}",
            "unknown": "{{user.nothing}}", "other": "{{org.id}}", "empty": "{{}}", "open": "{{user.id", "closed": "user.id}}",
            "or": "{{user.last_name || user.public_metadata.no || user.first_name}}",
            "or_literal": "{{user.last_name || 'no || name'}}", "or_last": "{{user.last_name || user.public_metadata.no}}",
            "or_number": "{{user.last_name || 7}}", "or_true": "{{user.last_name || true}}", "empty_literal": "{{'' || 'x'}}",
            "two": "{{user.id}}{{user.first_name}}", "array": ["{{user.id}}", 1, {"x": "{{user.first_name}}"}],
            "created": "{{user.created_at}}", "mfa": "{{user.two_factor_enabled}}", "mail": "{{user.primary_email_address}}",
            "verified": "{{user.email_verified}}", "image": "{{user.has_image}}", "orgs": "{{user.organizations}}",
            "session": "{{session.id}}", "actor": "{{session.actor}}", "actor_sub": "{{session.actor.sub}}",
            "metadata": "{{user.public_metadatas}}", "plain": 1.50, "{{user.id}}": "key"
        }"#,
    );
    let (user, session) = (user(), session());
    let rendered = render(&claims, Subject { user: &user, session: &session });
    let lines: Vec<_> = rendered
        .iter()
        .map(|(key, value)| format!("{key}: {}", serde_json::to_string(value).unwrap()))
        .collect();
    expect![[r#"
        id: "user_1"
        in_text: "id=user_1!"
        name: "Ada"
        last: null
        text_of_nothing: "[null]"
        role: "admin"
        all: {"role":"admin","seats":[1,{"row":2.50}],"no":false,"nested":{"a":null}}
        deep: 2.50
        object_in_text: "x[1,{\"row\":2.50}]"
        theme: "dark"
        private: null
        private_part: null
        unknown: null
        other: null
        empty: null
        open: "{{user.id"
        closed: "user.id}}"
        or: "Ada"
        or_literal: "no || name"
        or_last: false
        or_number: 7
        or_true: true
        empty_literal: ""
        two: "user_1Ada"
        array: ["user_1",1,{"x":"Ada"}]
        created: 1800000060000
        mfa: false
        mail: null
        verified: false
        image: false
        orgs: {}
        session: "sess_1"
        actor: {"sub":"user_2","why":"help"}
        actor_sub: "user_2"
        metadata: null
        plain: 1.50
        {{user.id}}: "key"
    "#]]
    .assert_eq(&(lines.join("\n") + "\n"));
}

#[test]
fn reserved_claims_are_refused_at_top_level_and_nowhere_else() {
    for claim in RESERVED_CLAIMS {
        let refused = create(fields("t", &format!(r#"{{"{claim}":1}}"#))).unwrap_err();
        assert_eq!(refused, TemplateRefusal::ReservedClaim(claim));
        let refused = Refused::from(refused);
        assert_eq!((refused.reason.status, refused.reason.code), (400, "jwt_template_reserved_claim"));
        assert!(create(fields("t", &format!(r#"{{"x":{{"{claim}":1}}}}"#))).is_ok());
    }
    assert!(create(fields("t", r#"{"aud":"x","org":"y"}"#)).is_ok());
}

#[test]
fn fixed_part_is_bounded_and_shortcodes_do_not_count() {
    let claims = |length: usize| format!(r#"{{"x":"{}"}}"#, "a".repeat(length));
    let fits = FIXED_BYTES_MAX - r#"{"x":""}"#.len();
    assert!(create(fields("t", &claims(fits))).is_ok());
    let refused = create(fields("t", &claims(fits + 1))).unwrap_err();
    assert_eq!(refused, TemplateRefusal::FixedPart { bytes: FIXED_BYTES_MAX + 1 });
    assert_eq!(Refused::from(refused).reason.code, "form_param_exceeds_allowed_size");
    let shortcodes = format!(r#"{{"x":["{}"]}}"#, "{{user.public_metadata.a}}".repeat(200));
    assert_eq!(fixed_bytes(&object(&shortcodes)), r#"{"x":[""]}"#.len());
    assert!(create(fields("t", &shortcodes)).is_ok());
}

#[test]
fn name_lifetime_and_skew_have_bounds() {
    let long = "a".repeat(NAME_CHARACTERS_MAX);
    for name in ["hasura", "my template", "a.b:c-d_e", "prüfung", &long] {
        assert!(create(fields(name, "{}")).is_ok(), "{name}");
    }
    for name in ["", " a", "a/b", "a?b", "a\nb", ".", "..", "a%b", &format!("{long}a")] {
        let refused = create(fields(name, "{}")).unwrap_err();
        assert!(matches!(refused, TemplateRefusal::Malformed { param: "name", .. }), "{name:?}: {refused:?}");
    }
    let with = |lifetime_seconds, clock_skew_seconds| {
        create(TemplateFields { lifetime_seconds, clock_skew_seconds, ..fields("t", "{}") }).err()
    };
    assert_eq!((with(30, 0), with(315_360_000, 300)), (None, None));
    for (lifetime, skew, param) in [
        (29, 5, "lifetime"),
        (315_360_001, 5, "lifetime"),
        (60, -1, "allowed_clock_skew"),
        (60, 301, "allowed_clock_skew"),
    ] {
        let refused = with(lifetime, skew).unwrap();
        assert!(
            matches!(refused, TemplateRefusal::Malformed { param: named, why: Malformed::Form(_) } if named == param)
        );
    }
}

#[test]
fn template_of_the_session_token_stays_and_has_no_key_of_its_own() {
    let template =
        create(fields(SESSION_TOKEN_TEMPLATE, r#"{"role":"{{user.public_metadata.role}}"}"#)).unwrap();
    assert_eq!(template.delete(), Err(TemplateRefusal::SessionToken));
    assert_eq!(template.update(fields("other", "{}"), NOW), Err(TemplateRefusal::SessionToken));
    assert!(template.update(fields(SESSION_TOKEN_TEMPLATE, "{}"), NOW).is_ok());
    let key = SigningKey { algorithm: "HS256".to_owned(), sealed: "sealed".to_owned() };
    let keyed = TemplateFields { signing_key: Some(key.clone()), ..fields(SESSION_TOKEN_TEMPLATE, "{}") };
    assert_eq!(create(keyed), Err(TemplateRefusal::SessionTokenKey));
    let keyed = TemplateFields { signing_key: Some(key), ..fields("hasura", "{}") };
    assert_eq!(create(keyed).unwrap().delete(), Ok(()));
    assert_eq!(Refused::from(TemplateRefusal::SessionToken).reason.code, "session_token_jwt_template");
}

#[test]
fn update_moves_the_version_unless_nothing_changes() {
    let template = create(fields("t", "{}")).unwrap();
    assert_eq!(template.update(fields("t", "{}"), NOW.plus_ms(9)).unwrap(), template);
    let after = template.update(fields("u", "{}"), NOW).unwrap();
    assert_eq!((after.version, after.updated_at, after.created_at), (2, NOW.plus_ms(1), NOW));
    assert_eq!(after.check(), Ok(()));
    let damaged = JwtTemplate { lifetime_seconds: 1, ..after };
    assert!(damaged.check().is_err());
}

#[test]
fn page_on_tokens_names_every_reserved_claim() {
    let page = include_str!("../../../../docs/tokens.md");
    let (_, listed) = page.split_once("**These claims cannot be set**").unwrap();
    let (listed, _) = listed.split_once("\n\n").unwrap();
    let (_, listed) = listed.split_once("): ").unwrap();
    let listed: Vec<_> = listed
        .split([',', '\n', '.'])
        .map(|claim| claim.trim().trim_matches('`'))
        .filter(|claim| !claim.is_empty())
        .collect();
    assert_eq!(listed, RESERVED_CLAIMS);
}
