//! The example numbers of every region, through the API: one mobile and one fixed-line number each, as far as the
//! region's numbering plan has one.

use crate::support::{PRODUCTION_KEY, TestApp};
use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat, PhoneNumberType};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// `+1 (XXX) 555-01xx`: reserved for tests, so that a production instance refuses it.
fn is_reserved_for_tests(number: &str) -> bool {
    number.strip_prefix("+1").is_some_and(|rest| rest.len() == 10 && rest[3..].starts_with("55501"))
}

/// What the details may call an example of this type: many plans do not tell the two apart.
fn line_types(wanted: PhoneNumberType) -> [&'static str; 2] {
    match wanted {
        PhoneNumberType::Mobile => ["mobile", "fixed_line_or_mobile"],
        _ => ["fixed_line", "fixed_line_or_mobile"],
    }
}

/// Example numbers that cannot be told from those of the region named last, which is what the details say.
const SHARED: [&str; 11] = [
    "AX Mobile FI",
    "BL Mobile GP",
    "CC Mobile AU",
    "CX Mobile AU",
    "EH FixedLine MA",
    "EH Mobile MA",
    "IM Mobile GB",
    "MF FixedLine BL",
    "MF Mobile GP",
    "SJ Mobile NO",
    "VA Mobile IT",
];

#[tokio::test]
async fn a_mobile_and_a_fixed_line_number_of_every_region_are_created_and_read_back() {
    let app = TestApp::new().await;
    let production = app.call("POST", "/v1/users").key(PRODUCTION_KEY);
    let production = production.json(&json!({ "email_address": ["everywhere@example.com"] })).send().await;
    let production = production.ok()["id"].as_str().unwrap().to_owned();
    let development = app.user(json!({ "email_address": ["everywhere@example.com"] })).await;

    let mut regions = BTreeSet::new();
    let (mut created, mut reserved, mut without) = (0, BTreeSet::new(), BTreeSet::new());
    let mut same_plan = BTreeSet::new();
    for region in PHONE_NUMBER_UTIL.get_supported_regions() {
        for wanted in [PhoneNumberType::Mobile, PhoneNumberType::FixedLine] {
            let source = format!("{region} {wanted:?}");
            let Ok(number) = PHONE_NUMBER_UTIL.get_example_number_for_type_and_region(region, wanted) else {
                without.insert(source);
                continue;
            };
            let number = PHONE_NUMBER_UTIL.format(&number, PhoneNumberFormat::E164).into_owned();
            let mut key = PRODUCTION_KEY;
            let mut user = &production;
            let mut line_types = line_types(wanted);
            if is_reserved_for_tests(&number) {
                let body = json!({ "user_id": user, "phone_number": number });
                let refused = app.call("POST", "/v1/phone_numbers").key(key).json(&body).send().await;
                refused.refused(422, "form_param_format_invalid", "phone_number");
                reserved.insert(source.clone());
                (key, user, line_types) = (crate::support::DEVELOPMENT_KEY, &development, ["test"; 2]);
            }

            let body = json!({ "user_id": user, "phone_number": number });
            let answer = app.call("POST", "/v1/phone_numbers").key(key).json(&body).send().await;
            assert_eq!(answer.status, 200, "{source} {number}: {}", answer.text);
            assert_eq!(answer.body["phone_number"], *number, "{source}");
            let id = answer.body["id"].as_str().unwrap().to_owned();

            let read = app.call("GET", &format!("/v1/phone_numbers/{id}")).key(key).send().await;
            assert_eq!(read.ok(), &answer.body, "{source} {number}");

            let details = app.call("GET", &format!("/verger/v1/phone_numbers/{id}")).key(key).send().await;
            let details = details.ok();
            assert_eq!(details["phone_number"], *number, "{source}");
            let found = details["region"].as_str().unwrap_or("");
            if found != region.to_string() {
                same_plan.insert(format!("{source} {found}"));
            }
            let line_type = details["line_type"].as_str().unwrap_or("");
            assert!(line_types.contains(&line_type), "{source} {number} is {line_type}");

            // Regions whose plan has one number for both would meet it again.
            let deleted = app.call("DELETE", &format!("/v1/phone_numbers/{id}")).key(key).send().await;
            assert_eq!(deleted.ok()["deleted"], Value::Bool(true), "{source} {number}");
            regions.insert(region.to_string());
            created += 1;
        }
    }
    assert_eq!(
        regions.len(),
        PHONE_NUMBER_UTIL.get_supported_regions().len(),
        "some region was never created"
    );
    assert!(regions.len() > 240, "{} regions", regions.len());
    assert!(created + without.len() == 2 * regions.len() && created > 480, "{created} numbers");
    assert_eq!(reserved.into_iter().collect::<Vec<_>>(), ["US FixedLine", "US Mobile"]);
    // Numbers that a plan shares between regions belong to its main one.
    assert_eq!(same_plan.into_iter().collect::<Vec<_>>(), SHARED);
    // What the metadata itself has no example of.
    assert_eq!(without.into_iter().collect::<Vec<_>>(), ["TA Mobile"]);
}
