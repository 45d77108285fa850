//! The rules themselves: what one user can break, and what two of them can claim.

use crate::support::{Given, NOW, env_at, id, identifier, patch};
use verger_core::user::IDENTIFICATIONS_MAX;
use verger_core::{
    BrokenRule, Claims, Email, Identification, Identifier, IdentifierKind, Refusal, SecondFactor, User,
    Verification,
};

#[test]
fn check_names_the_rule_that_a_user_breaks() {
    type Break = fn(&mut User);
    let breaks: [(BrokenRule, Break); 13] = [
        (BrokenRule::Version, |user| user.version = 0),
        (BrokenRule::PrimaryPhoneNumber, |user| user.primary_phone_number_id = Some(id("e"))),
        (BrokenRule::PrimaryPhoneNumber, |user| user.primary_phone_number_id = Some(id("x@"))),
        (BrokenRule::PrimaryEmailAddress, |user| user.primary_email_address_id = Some(id("y@"))),
        (BrokenRule::PrimaryEmailAddress, |user| user.primary_email_address_id = Some(id("a"))),
        (BrokenRule::SecondFactorUnverified, |user| held(user, "c").second_factor = SecondFactor::Reserved),
        (BrokenRule::SecondFactorUnverified, |user| held(user, "a").verification = Verification::Unverified),
        (BrokenRule::SecondFactorUnverified, |user| held(user, "a").verification = Verification::Reserved),
        (BrokenRule::SecondFactorUnverified, |user| held(user, "x@").second_factor = SecondFactor::Reserved),
        (BrokenRule::DefaultSecondFactor, |user| held(user, "a").second_factor = SecondFactor::No),
        (BrokenRule::DefaultSecondFactor, |user| held(user, "b").second_factor = SecondFactor::Default),
        (BrokenRule::Duplicate, |user| held(user, "c").identifier = identifier("a")),
        (BrokenRule::DuplicateId, |user| {
            let twin = Identification { identifier: identifier("e"), ..held(user, "c").clone() };
            user.identifications.push(twin);
        }),
    ];
    let good = "a verified primary default_second_factor\nb verified second_factor\nc unverified\n\
                x@ verified primary\nd verified";
    for (rule, break_it) in breaks {
        let mut user = Given::parse(good).user;
        break_it(&mut user);
        assert_eq!(user.check(), Err(rule));
    }
    let mut user = Given::parse("a verified primary").user;
    for more in 0..IDENTIFICATIONS_MAX {
        let one = Identification {
            id: id(&format!("more{more}")),
            identifier: Identifier::Email(Email::parse(&format!("more{more}@example.com")).unwrap()),
            ..user.identifications[0].clone()
        };
        user.identifications.push(one);
    }
    assert_eq!(user.check(), Ok(()));
    let one_too_many =
        Identification { id: id("x@"), identifier: identifier("x@"), ..user.identifications[0].clone() };
    user.identifications.push(one_too_many);
    assert_eq!(user.check(), Err(BrokenRule::TooMany));
}

fn held<'a>(user: &'a mut User, name: &str) -> &'a mut Identification {
    user.identifications.iter_mut().find(|held| held.id == id(name)).unwrap()
}

#[test]
fn first_to_verify_claims_the_number_and_the_other_stays_unverified() {
    let (first, second) = (Given::parse("a unverified primary"), Given::parse("a unverified primary"));
    let first = patch("a", r#"{"verified": true}"#)(&first, &mut env_at(NOW)).unwrap().user;
    let claims = first.claimed().into_iter().map(|(kind, text, _)| (kind, text));
    let second = Given { user: second.user, claims: Claims::new(claims) };
    let refused = patch("a", r#"{"verified": true}"#)(&second, &mut env_at(NOW));
    assert_eq!(refused, Err(Refusal::Taken(IdentifierKind::PhoneNumber)));
    let unchanged = patch("a", r#"{"verified": false}"#)(&second, &mut env_at(NOW)).unwrap().user;
    assert_eq!(unchanged, second.user, "it still stands there, unverified");
}
