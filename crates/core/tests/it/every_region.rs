//! Every region's example numbers, of every type of line that the numbering plan has one for.

use crate::support::{bare_user, env_at};
use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumber, PhoneNumberFormat};
use std::collections::BTreeSet;
use verger_core::phone_number::{METADATA_VERSION, is_test_number};
use verger_core::user::{IdentificationUpdate, NewIdentification};
use verger_core::{Claims, Consequence, E164, Identifier, IdentifierKind, TestNumbers, User, Verification};
use verger_wire::UnixMillis;

/// One of the metadata's example numbers.
struct Example {
    /// `GB Mobile`, or `+800` for a plan of no country.
    source: String,
    number: PhoneNumber,
}

fn examples() -> Vec<Example> {
    let mut examples = Vec::new();
    for region in PHONE_NUMBER_UTIL.get_supported_regions() {
        for line_type in PHONE_NUMBER_UTIL.get_supported_types_for_region(region).unwrap() {
            // A type that a region has may come without an example.
            if let Ok(number) = PHONE_NUMBER_UTIL.get_example_number_for_type_and_region(region, line_type) {
                examples.push(Example { source: format!("{region} {line_type:?}"), number });
            }
        }
    }
    for code in PHONE_NUMBER_UTIL.get_supported_global_network_calling_codes() {
        let number = PHONE_NUMBER_UTIL.get_example_number_for_non_geo_entity(code).unwrap();
        examples.push(Example { source: format!("+{code}"), number });
    }
    examples
}

#[test]
fn every_example_number_is_accepted_and_goes_through_its_whole_life() {
    let (mut regions, mut networks, mut lived) = (BTreeSet::new(), 0, 0);
    let (mut in_test_range, mut too_short) = (BTreeSet::new(), BTreeSet::new());
    for Example { source, number } in examples() {
        let text = PHONE_NUMBER_UTIL.format(&number, PhoneNumberFormat::E164).into_owned();
        if is_test_number(&text) {
            // The contract takes the test range out of the numbering plan.
            assert!(E164::parse(&text, TestNumbers::Refused).is_err(), "{source} {text}");
            let accepted = E164::parse(&text, TestNumbers::Accepted).expect(&source);
            assert_eq!((accepted.as_str(), accepted.line_type()), (&*text, Some("test")), "{source}");
            live(&accepted, &source);
            in_test_range.insert(source);
            continue;
        }
        let Ok(accepted) = E164::parse(&text, TestNumbers::Refused) else {
            assert!(
                text.len() < "+1234567".len(),
                "{source} {text} is in the plan and has the shape, yet is refused"
            );
            too_short.insert(format!("{source} {text}"));
            continue;
        };
        assert_eq!(accepted.as_str(), text, "{source}");
        assert_eq!((accepted.typed(), accepted.metadata_version()), (&*text, METADATA_VERSION), "{source}");
        let region = accepted.region().unwrap_or_else(|| panic!("{source} {text} has no region"));
        assert_eq!(region == "001", source.starts_with('+'), "{source} {text}");
        assert_ne!(accepted.line_type(), Some("unknown"), "{source} {text}");

        // As people write it, with the plan's own separators.
        let written = PHONE_NUMBER_UTIL.format(&number, PhoneNumberFormat::International).into_owned();
        let from_written = E164::parse(&written, TestNumbers::Refused);
        let from_written = from_written.unwrap_or_else(|why| panic!("{source} {written}: {why:?}"));
        assert_eq!((from_written.as_str(), from_written.typed()), (&*text, &*written), "{source}");

        live(&accepted, &source);
        lived += 1;
        match source.split_once(' ') {
            Some((region, _)) => _ = regions.insert(region.to_owned()),
            None => networks += 1,
        }
    }
    assert_eq!(
        regions.len(),
        PHONE_NUMBER_UTIL.get_supported_regions().len(),
        "some region has no usable example"
    );
    assert!(regions.len() > 240, "{} regions", regions.len());
    assert!(networks >= 9, "{networks} networks of no country");
    assert!(lived > 1_100, "{lived} numbers");
    assert_eq!(in_test_range.into_iter().collect::<Vec<_>>(), TEST_RANGE_EXAMPLES);
    // The plan of Iran has numbers that are shorter than the contract's section 5, step 2, lets in.
    assert_eq!(too_short.into_iter().collect::<Vec<_>>(), ["IR UAN +989601"]);
}

/// The examples that lie in `+1 (XXX) 555-01xx`.
const TEST_RANGE_EXAMPLES: [&str; 2] = ["US FixedLine", "US Mobile"];

/// Creates the number on a user with another one, verifies it, makes it primary and deletes it.
fn live(number: &E164, source: &str) {
    let mut env = env_at(UnixMillis(1_800_000_000_000));
    let claims = Claims::default();
    let other = E164::from_stored("+10000000000".to_owned(), String::new(), None, None, String::new());
    let add = |user: &User, number: E164, verified, env: &mut _| {
        let identifier = Identifier::Phone(number);
        let new =
            NewIdentification { identifier, verified, primary: false, reserved_for_second_factor: false };
        user.add_identification(new, &claims, env).expect(source)
    };
    let first = add(&bare_user(&mut env), other, true, &mut env);

    let created = add(&first.user, number.clone(), false, &mut env);
    let id = created.subject.expect("the new number");
    let held = created.user.identification(&id).expect(source);
    assert_eq!(
        (&held.identifier, held.verification),
        (&Identifier::Phone(number.clone()), Verification::Unverified)
    );

    let verify = IdentificationUpdate { verified: Some(true), ..IdentificationUpdate::default() };
    let verified = created.user.update_identification(&id, verify, &claims, &mut env).expect(source);
    assert!(verified.user.identification(&id).expect(source).verification.is_verified(), "{source}");
    assert!(verified.user.claimed().contains(&(
        IdentifierKind::PhoneNumber,
        number.as_str().to_owned(),
        Some(&id)
    )));

    let make_primary = IdentificationUpdate { primary: Some(true), ..IdentificationUpdate::default() };
    let primary = verified.user.update_identification(&id, make_primary, &claims, &mut env).expect(source);
    assert_eq!(primary.user.primary_phone_number_id.as_ref(), Some(&id), "{source}");

    let deleted = primary.user.remove_identification(&id, &mut env).expect(source);
    assert_eq!(deleted.user.identification(&id), None, "{source}");
    assert_eq!(deleted.user.primary_phone_number_id, first.subject, "{source}");
    assert_eq!(deleted.consequences, [Consequence::PrimaryPhoneNumberMoved], "{source}");
}
