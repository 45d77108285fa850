//! What each refusal says: its code, the field it blames, how long to wait, and words with every place filled.

use verger_core::verification::{FAILURES_MAX, RESEND_PAUSE_MS};
use verger_core::{IdentifierKind, Malformed, Refusal, Unit};
use verger_wire::Refused;
use verger_wire::reason::Api;

fn said(refused: &Refused) -> (&str, Option<&str>, Option<u32>) {
    (refused.reason.code, refused.param_name.as_deref(), refused.retry_after_seconds)
}

fn long_message(refused: &Refused) -> String {
    let error = refused.error(Api::Backend);
    assert!(!format!("{} {}", error.message, error.long_message).contains('{'), "{error:?}");
    error.long_message
}

#[test]
fn refusal_blames_the_field_that_the_rule_is_about() {
    let second_factor = Some("reserved_for_second_factor");
    for (refusal, code, param) in [
        (Refusal::Taken(IdentifierKind::PhoneNumber), "form_identifier_exists", Some("phone_number")),
        (Refusal::Taken(IdentifierKind::ExternalId), "form_identifier_exists", Some("external_id")),
        (
            Refusal::TooMany(IdentifierKind::EmailAddress),
            "form_param_array_size_exceeded",
            Some("email_address"),
        ),
        (Refusal::NotTheUsers { param: "primary" }, "form_resource_not_found", Some("primary")),
        (Refusal::NeedsVerification { param: "primary" }, "form_verification_needed", Some("primary")),
        (
            Refusal::SecondFactorUnverified { on_create: true },
            "identification_create_second_factor_unverified",
            second_factor,
        ),
        (
            Refusal::SecondFactorUnverified { on_create: false },
            "identification_update_second_factor_unverified",
            second_factor,
        ),
        (Refusal::OnlySignInIdentification, "identification_update_failed", second_factor),
        (
            Refusal::Malformed { param: "locale", why: Malformed::Time },
            "form_param_invalid_time",
            Some("locale"),
        ),
        (Refusal::NotFound, "resource_not_found", None),
        (Refusal::LastIdentification, "identification_deletion_failed", None),
        (Refusal::AlreadyVerified, "verification_already_verified", None),
        (Refusal::Banned, "user_banned", None),
        (Refusal::LockedOut { expires_in_ms: 1 }, "user_locked", None),
        (Refusal::NoPassword, "no_password_set", None),
        (Refusal::TotpDisabled, "totp_disabled", None),
        (Refusal::TotpLength, "totp_invalid_length", None),
        (Refusal::PasswordMatchesIdentifier, "form_password_matches_identifier", Some("password")),
        (Refusal::PasswordMissing, "form_data_missing", Some("password")),
        (Refusal::PasswordIsOnlyWay, "form_param_value_invalid", Some("skip_password_requirement")),
        (Refusal::PasswordDisabled, "password_disabled", None),
        (Refusal::CredentialDisabled { param: "totp_secret" }, "feature_not_enabled", Some("totp_secret")),
    ] {
        let refused = Refused::from(refusal);
        assert_eq!(said(&refused), (code, param, None), "{refusal:?}");
        long_message(&refused);
    }
}

#[test]
fn refusal_says_how_many_seconds_to_wait_and_at_least_one() {
    for (retry_after_ms, seconds) in
        [(0, 1), (1, 1), (1_000, 1), (1_001, 2), (30_000, 30), (u64::MAX, u32::MAX)]
    {
        let just_sent = Refused::from(Refusal::CodeJustSent { retry_after_ms });
        assert_eq!(said(&just_sent), ("verification_code_too_many_requests", None, Some(seconds)));
        let closed = Refused::from(Refusal::VerificationClosed { retry_after_ms });
        assert_eq!(said(&closed), ("too_many_requests", None, Some(seconds)));
        let closed = Refused::from(Refusal::FactorClosed { retry_after_ms });
        assert_eq!(said(&closed), ("too_many_requests", None, Some(seconds)));
        let locked = Refused::from(Refusal::LockedOut { expires_in_ms: retry_after_ms }).error(Api::Backend);
        assert_eq!(locked.meta["lockout_expires_in_seconds"], seconds);
    }
}

#[test]
fn limits_are_in_the_words() {
    for (refusal, words) in [
        (Refusal::TooMany(IdentifierKind::PhoneNumber), "at most 50 of phone_number"),
        (Refusal::NotFound, "no identification with this id"),
        (Refusal::CodeJustSent { retry_after_ms: 1 }, "once in 30 seconds"),
        (Refusal::VerificationClosed { retry_after_ms: 1 }, "10 wrong codes"),
        (Refusal::FactorClosed { retry_after_ms: 1 }, "10 wrong tries"),
    ] {
        let text = long_message(&Refused::from(refusal));
        assert!(text.contains(words), "{text}");
    }
    assert_eq!((RESEND_PAUSE_MS, FAILURES_MAX), (30_000, 10));
}

#[test]
fn malformed_value_is_told_with_its_limits_and_its_field() {
    let too_long = Malformed::TooLong { max: 64, length: 65, unit: Unit::BeforeAt };
    for (why, code, words) in [
        (Malformed::Form("is odd"), "form_param_format_invalid", "f is odd."),
        (Malformed::TooShort("is short"), "form_param_min_length_exceeded", "f is short."),
        (
            too_long,
            "form_param_max_length_exceeded",
            "f may have at most 64 characters before the @; it has 65.",
        ),
        (
            Malformed::TooLarge { bytes_max: 8_192, bytes: 9_000 },
            "form_param_exceeds_allowed_size",
            "at most 8192 bytes of JSON; after this request it would have 9000.",
        ),
        (Malformed::PhoneDigits { digits: 3 }, "form_param_format_invalid", "it has 3."),
        (
            Malformed::UsernameLength { length: 3 },
            "form_username_invalid_length",
            "f must have 4 to 64 characters; it has 3.",
        ),
        (Malformed::TimeRange, "form_param_invalid_time", "f must be from 0000-"),
        (Malformed::UsernameCharacter, "form_username_invalid_character", "f may contain only"),
        (Malformed::UsernameAllDigits, "form_username_needs_non_number_char", "f must have at least one"),
    ] {
        for refused in [Refused::from(why).param("f"), Refused::from(Refusal::Malformed { param: "f", why })]
        {
            assert_eq!(said(&refused), (code, Some("f"), None), "{why:?}");
            let text = long_message(&refused);
            assert!(text.contains(words), "{text}");
        }
        assert_eq!(said(&Refused::from(why)), (code, None, None), "a value does not know its field");
    }
}
