//! Whatever a user is like, a row of its change brings it back, and events and entries of the trail come out as if they had
//! been rendered with the change.

use super::event::Heading;
use super::kept::Author;
use super::rendering::{EventOf, Rendering};
use super::user::UserStates;
use super::{Stamp, entry_of_text};
use crate::render;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use verger_core::metadata::Metadata;
use verger_core::{
    CodeDigest, Consequence, Credentials, E164, Email, Env, Identification, Identifier, PasswordState,
    PendingCode, SecondFactor, User, Username, Verification, event,
};
use verger_store::NewEvent;
use verger_wire::json::{Json, parse};
use verger_wire::{InstanceId, UnixMillis};

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![3 => "[a-z0-9@+. ]{0,12}", 1 => vec(any::<char>(), 0..6).prop_map(String::from_iter)]
}

fn some_text() -> impl Strategy<Value = Option<String>> {
    option::of(any_text())
}

fn any_moment() -> impl Strategy<Value = UnixMillis> {
    let usual = 1_700_000_000_000..1_900_000_000_000_i64;
    prop_oneof![4 => usual, 1 => any::<i64>()].prop_map(UnixMillis)
}

fn some_moment() -> impl Strategy<Value = Option<UnixMillis>> {
    option::of(any_moment())
}

/// Numbers that no machine has, too.
fn any_metadata() -> BoxedStrategy<Metadata> {
    let number = "-?[1-9][0-9]{0,30}(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?";
    let value = prop_oneof![
        Just("null".to_owned()),
        Just("-0".to_owned()),
        Just("1.0".to_owned()),
        number,
        any_text().prop_map(|text| serde_json::to_string(&text).unwrap()),
        any_text().prop_map(|text| serde_json::json!([{ "a": text }, [], {}]).to_string()),
    ];
    let fields = vec(("[a-zäß\"\\\\ ]{0,4}", value), 0..4);
    fields
        .prop_map(|fields| {
            let mut object = Metadata::new();
            for (key, value) in fields {
                object.insert(key, parse(&value).unwrap());
            }
            object
        })
        .boxed()
}

fn any_identifier() -> BoxedStrategy<Identifier> {
    let version = prop_oneof![3 => Just("9.0.29".to_owned()), 1 => any_text()];
    let phone = ("\\+[0-9]{5,15}", some_text(), some_text(), some_text(), version).prop_map(
        |(number, typed, region, line_type, version)| {
            let typed = typed.unwrap_or_else(|| number.clone());
            Identifier::Phone(E164::from_stored(number, typed, region, line_type, version))
        },
    );
    let email = ("[a-z]{1,5}@[a-z]{1,5}", some_text()).prop_map(|(address, typed)| {
        let typed = typed.unwrap_or_else(|| address.clone());
        Identifier::Email(Email::from_stored(address, typed))
    });
    prop_oneof![phone, email].boxed()
}

/// A code as a row keeps it: without its digest.
fn any_code() -> BoxedStrategy<PendingCode> {
    ("ver_[a-zA-Z0-9]{1,27}", 0..6_i64, some_moment(), any_moment(), any_moment())
        .prop_map(|(id, attempts, verified_at, created_at, expire_at)| PendingCode {
            id: id.into(),
            code: CodeDigest { key_id: String::new(), digest: String::new() },
            attempts,
            verified_at,
            created_at,
            expire_at,
        })
        .boxed()
}

fn any_identification() -> BoxedStrategy<Identification> {
    let verification = prop_oneof![
        Just(Verification::Unverified),
        Just(Verification::Reserved),
        any_moment().prop_map(|at| Verification::VerifiedByAdmin { at }),
        (any_moment(), 0..6_i64, any_moment())
            .prop_map(|(at, attempts, expire_at)| Verification::VerifiedByCode { at, attempts, expire_at }),
    ];
    let second_factor =
        prop::sample::select(vec![SecondFactor::No, SecondFactor::Reserved, SecondFactor::Default]);
    // Few ids, so that two users have some in common.
    let id = prop_oneof![8 => "idn_[a-e]", 1 => "=?[f-h]"];
    let rest = (option::of(any_code()), any_moment(), any_moment());
    (id, any_identifier(), verification, second_factor, rest)
        .prop_map(|(id, identifier, verification, second_factor, (pending_code, created_at, updated_at))| {
            Identification {
                id: id.into(),
                identifier,
                verification,
                pending_code,
                second_factor,
                created_at,
                updated_at,
            }
        })
        .boxed()
}

fn any_user() -> BoxedStrategy<User> {
    let texts = (some_text(), some_text(), some_text(), some_text(), some_text());
    let metadata = (any_metadata(), any_metadata(), any_metadata());
    let flags = any::<[bool; 3]>();
    let moments = (some_moment(), some_moment(), some_moment(), some_moment(), some_moment());
    let own = (any::<i64>(), option::of(any::<i64>()), any_moment(), any_moment());
    let primaries = (option::of("idn_[a-f]"), option::of("idn_[a-f]"));
    let held = vec(any_identification(), 0..5);
    (texts, metadata, flags, moments, own, primaries, held, any_credentials())
        .prop_map(|(texts, metadata, flags, moments, own, primaries, mut held, credentials)| {
            held.sort_by(|one, other| one.id.as_str().cmp(other.id.as_str()));
            held.dedup_by(|one, other| one.id == other.id);
            User {
                id: "user_1".into(),
                version: own.0,
                external_id: texts.0,
                username: texts.1.map(Username::from_stored),
                first_name: texts.2,
                last_name: texts.3,
                locale: texts.4,
                public_metadata: metadata.0,
                private_metadata: metadata.1,
                unsafe_metadata: metadata.2,
                delete_self_enabled: flags[0],
                create_organization_enabled: flags[1],
                create_organizations_limit: own.1,
                bypass_client_trust: flags[2],
                legal_accepted_at: moments.0,
                banned_at: moments.1,
                locked_at: moments.2,
                mfa_enabled_at: moments.3,
                mfa_disabled_at: moments.4,
                last_sign_in_at: moments.0,
                last_active_at: moments.3,
                created_at: own.2,
                updated_at: own.3,
                primary_phone_number_id: primaries.0.map(Into::into),
                primary_email_address_id: primaries.1.map(Into::into),
                identifications: held,
                credentials,
            }
        })
        .boxed()
}

fn any_credentials() -> BoxedStrategy<Credentials> {
    let password = option::of((any_moment(), some_moment()));
    (password, some_moment(), 0..=10_i64, 0..=i64::MAX, some_moment())
        .prop_map(|(password, totp_since, backup_codes_left, failed_attempts, lockout_until)| Credentials {
            password: password
                .map(|(updated_at, compromised_at)| PasswordState { updated_at, compromised_at }),
            totp_since,
            backup_codes_left,
            failed_attempts,
            lockout_until,
        })
        .boxed()
}

/// Some of the other user, as a change leaves most as it was.
fn mixed(before: &User, other: &User, picks: [bool; 7]) -> User {
    let pick = |at: usize| if picks[at] { other } else { before };
    User {
        version: pick(0).version,
        first_name: pick(1).first_name.clone(),
        public_metadata: pick(2).public_metadata.clone(),
        banned_at: pick(3).banned_at,
        primary_phone_number_id: pick(4).primary_phone_number_id.clone(),
        identifications: pick(5).identifications.clone(),
        credentials: pick(6).credentials.clone(),
        ..before.clone()
    }
}

/// A user before and after a change.
fn any_change() -> BoxedStrategy<(Option<User>, Option<User>)> {
    let states = (any_user(), any_user(), any::<[bool; 7]>());
    prop_oneof![
        1 => any_user().prop_map(|user| (None, Some(user))),
        1 => any_user().prop_map(|user| (Some(user), None)),
        2 => (any_user(), any_user()).prop_map(|(before, after)| (Some(before), Some(after))),
        4 => states.prop_map(|(before, other, picks)| {
            let after = mixed(&before, &other, picks);
            (Some(before), Some(after))
        }),
    ]
    .boxed()
}

fn env() -> Env {
    Env::new(UnixMillis(1_800_000_000_000), Box::new(StdRng::seed_from_u64(3)))
}

fn author() -> Author {
    let mut author = Author::server();
    author.who.key_id = Some("key_3MVPsTqPyQyL1PN7pqjFdHh9PjL".to_owned());
    author.who.trace_id = Some("9f11f65c24b6e901c4a2be515ae3ddbe".to_owned());
    author.origin.remote_address = Some("192.0.2.17".to_owned());
    author.origin.user_agent = Some("@clerk/backend@1.34.0 \"node\"".to_owned());
    author
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_user_is_read_back_from_the_row((before, after) in any_change()) {
        let row = UserStates::of(before.as_ref(), after.as_ref(), vec!["primary_moved".to_owned()]).unwrap();
        let text = serde_json::to_string(&row).unwrap();
        let read: UserStates = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&read, &row);
        let version = super::user::version_of(before.as_ref(), after.as_ref());
        let read = read.states(&"user_1".into(), version).unwrap();
        prop_assert_eq!(read, (before, after), "{}", text);
    }

    #[test]
    fn events_come_out_as_if_they_were_rendered_with_the_change((before, after) in any_change()) {
        let instance = InstanceId::from("ins_1");
        let consequences = [Consequence::PrimaryPhoneNumberMoved];
        let change = Stamp::of(author(), &mut env()).user(before.as_ref(), after.as_ref(), &consequences).unwrap();
        let events = event::between(before.as_ref(), after.as_ref());
        let Some(change) = change else {
            prop_assert!(events.is_empty());
            return Ok(());
        };
        prop_assert_eq!(change.events.len(), events.len());
        let rendering = Rendering::of(&instance, &change);
        for (at, (of, expected)) in change.events.iter().zip(&events).enumerate() {
            let id = format!("evt_{at}");
            let of = EventOf { id: &id, kind: &of.kind, subject: of.subject.as_deref() };
            let heading = Heading {
                id: &id,
                kind: expected.kind.name(),
                instance_id: instance.as_str(),
                timestamp: change.created_at,
                author: &author(),
                consequences: &render::consequences(&consequences),
            };
            let expected = serde_json::to_string(&heading.event_of(expected).unwrap()).unwrap();
            let payload = rendering.payload(of);
            prop_assert_eq!(&payload, &expected);
            prop_assert_eq!(rendering.payload(of), payload, "a second time");
            prop_assert_eq!(rendering.entry(of).to_string(), entry_of_text(&expected).to_string());
        }
    }

    #[test]
    fn damaged_row_is_told_of_without_what_it_has(
        (before, after) in any_change(),
        cut in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let instance = InstanceId::from("ins_1");
        let change = Stamp::of(author(), &mut env()).user(before.as_ref(), after.as_ref(), &[]).unwrap();
        let Some(mut change) = change else { return Ok(()) };
        let mut bytes = change.personal.into_bytes();
        let at = cut.index(bytes.len());
        bytes[at] = byte;
        change.personal = String::from_utf8_lossy(&bytes).into_owned();
        let rendering = Rendering::of(&instance, &change);
        for of in &change.events {
            let of = EventOf { id: "evt_1", kind: &of.kind, subject: of.subject.as_deref() };
            // Not with a reader that knows only numbers of the machine: a digit can have become an exponent.
            let Ok(Json::Object(payload)) = parse(&rendering.payload(of)) else { panic!("it is an object") };
            prop_assert_eq!(payload.get("type"), Some(&Json::Text(of.kind.to_owned())));
            prop_assert_eq!(&rendering.entry(of)["type"], of.kind);
        }
    }
}

/// What most applications have: a name, some metadata, an address and a number, both verified.
fn typical() -> User {
    let at = UnixMillis(1_795_432_968_326);
    let held = |id: &str, identifier, verification| Identification {
        id: id.into(),
        identifier,
        verification,
        pending_code: None,
        second_factor: SecondFactor::No,
        created_at: at,
        updated_at: at.plus_ms(86_400_000),
    };
    let number = "+41791234567".to_owned();
    let code = Verification::VerifiedByCode {
        at: at.plus_ms(86_400_000),
        attempts: 1,
        expire_at: at.plus_ms(87_000_000),
    };
    let mobile = (Some("CH".to_owned()), Some("mobile".to_owned()));
    let number = E164::from_stored(number.clone(), number, mobile.0, mobile.1, "9.0.29".to_owned());
    let address =
        Email::from_stored("ada.lovelace@example.com".to_owned(), "ada.lovelace@example.com".to_owned());
    let Ok(Json::Object(metadata)) = parse(r#"{"plan":"pro","seats":3,"since":"2026-01-12"}"#) else {
        panic!("it is JSON")
    };
    let identifications = vec![
        held("idn_3MVPsTqPyQyL1PN7pqjFdHh9PjL", Identifier::Phone(number), code),
        held(
            "idn_3MX9tAKKM7Shf5FsOLUjWx3fhRY",
            Identifier::Email(address),
            Verification::VerifiedByAdmin { at },
        ),
    ];
    User {
        id: "user_3MX9sugCvaKO5HrRnbz5B6IFlrM".into(),
        version: 7,
        external_id: Some("customer-184467".to_owned()),
        username: None,
        first_name: Some("Ada".to_owned()),
        last_name: Some("Lovelace".to_owned()),
        locale: Some("de-CH".to_owned()),
        public_metadata: metadata,
        private_metadata: Metadata::new(),
        unsafe_metadata: Metadata::new(),
        delete_self_enabled: true,
        create_organization_enabled: true,
        create_organizations_limit: None,
        bypass_client_trust: false,
        legal_accepted_at: Some(at),
        banned_at: None,
        locked_at: None,
        mfa_enabled_at: None,
        mfa_disabled_at: None,
        last_sign_in_at: None,
        last_active_at: None,
        created_at: at,
        updated_at: at.plus_ms(86_400_000),
        primary_phone_number_id: Some(identifications[0].id.clone()),
        primary_email_address_id: Some(identifications[1].id.clone()),
        identifications,
        credentials: Credentials::default(),
    }
}

/// The text is what every later version has to read: a test that fails here says that rows of before would be lost.
#[test]
fn typical_row_is_small_and_stays_as_it_is() {
    let before = typical();
    let mut after = User { version: 8, updated_at: before.updated_at.plus_ms(5_000), ..before.clone() };
    after.identifications[0].verification = Verification::Unverified;
    let change = Stamp::of(author(), &mut env()).user(Some(&before), Some(&after), &[]).unwrap().unwrap();
    expect_test::expect![[
        r#"{"v":1,"k":"key_3MVPsTqPyQyL1PN7pqjFdHh9PjL","t":"9f11f65c24b6e901c4a2be515ae3ddbe"}"#
    ]]
    .assert_eq(&change.who);
    expect_test::expect![[r#"{"v":1,"ip":"192.0.2.17","ua":"@clerk/backend@1.34.0 \"node\"","d":{"a":{"c":1795432968326,"u":86405000,"x":"customer-184467","f":"Ada","l":"Lovelace","g":"de-CH","pm":{"plan":"pro","seats":3,"since":"2026-01-12"},"la":0,"pp":0,"pe":1,"v":"9.0.29","i":[{"i":"3MVPsTqPyQyL1PN7pqjFdHh9PjL","p":"+41791234567","r":"CH","k":"mobile","u":86400000},{"i":"3MX9tAKKM7Shf5FsOLUjWx3fhRY","e":"ada.lovelace@example.com","s":0,"u":86400000}]},"b":{"u":86400000,"i":[{"o":0,"s":[86400000,1,87000000]},{"o":1}]}}}"#]].assert_eq(&change.personal);
    let subject = |event: &NewEvent| event.subject.as_ref().map_or(0, String::len);
    let events: usize = change.events.iter().map(|event| event.kind.len() + subject(event) + 2).sum();
    let bytes = change.personal.len() + change.who.len() + events + change.user_id.as_str().len();
    assert!(bytes < 750, "{bytes} bytes: {change:?}");
}
