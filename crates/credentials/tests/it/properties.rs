//! What holds for any text that somebody sends.

use crate::vectors::VECTORS;
use data_encoding::BASE32_NOPAD;
use proptest::prelude::*;
use proptest::sample::select;
use verger_credentials::digest::DIGEST_BYTES_MAX;
use verger_credentials::totp::{SECRET_BYTES, STEP_MS, TotpCode, TotpSecret};
use verger_credentials::{BackupCode, Cost, Digest, Hasher, Password, Workspace, backup_code};

/// The most that a digest within the caps can cost: scrypt with N × r = 2^21 and p = 16.
const COST_MAX: Cost = Cost(500_000);

fn config() -> ProptestConfig {
    ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() }
}

/// A vector in which some places hold other text: mostly of the right form, with other numbers.
fn changed_vector() -> impl Strategy<Value = (Hasher, String)> {
    let piece = prop_oneof!["[0-9]{1,20}", "[$:,=+/.-]", "[A-Za-z0-9]{1,40}", "\\PC{1,4}"];
    let changes = prop::collection::vec((any::<prop::sample::Index>(), 0..6_usize, piece), 1..4);
    (select(VECTORS), changes).prop_map(|((name, text), changes)| {
        let mut text: Vec<char> = text.chars().collect();
        for (at, removed, piece) in changes {
            let at = at.index(text.len() + 1);
            let end = (at + removed).min(text.len());
            text.splice(at..end, piece.chars());
        }
        (Hasher::imported(name).unwrap(), text.into_iter().collect())
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn s38_what_is_read_as_a_digest_is_within_the_caps((hasher, text) in changed_vector()) {
        if let Ok(digest) = Digest::parse(hasher, &text) {
            prop_assert!(text.len() <= DIGEST_BYTES_MAX);
            prop_assert!(digest.cost() <= COST_MAX, "{:?}", digest.cost());
            prop_assert_eq!(digest.hasher(), hasher);
        }
    }

    #[test]
    fn any_text_is_a_digest_or_is_refused(hasher in select(&Hasher::IMPORTED[..]), text in "\\PC{0,80}") {
        let read = Digest::parse(hasher, &text);
        let free = matches!(hasher, Hasher::Md5Salted | Hasher::Sha256Salted | Hasher::Md5 | Hasher::Sha256);
        prop_assert!(free || read.is_err(), "{}: {text}", hasher.as_str());
    }

    #[test]
    fn normalizing_a_password_again_changes_nothing(text in "\\PC{0,80}") {
        let Some(once) = Password::typed(&text) else { return Err(TestCaseError::fail("a short text")) };
        // NFKC makes a text longer, which may take it above the limit of what is typed.
        if let Some(twice) = Password::typed(once.normalized()) {
            prop_assert_eq!(once.normalized(), twice.normalized());
        }
    }

    #[test]
    fn secret_is_read_as_it_was_written(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let text = BASE32_NOPAD.encode(&bytes);
        match TotpSecret::parse(&text) {
            Ok(secret) => prop_assert_eq!(&**secret.to_base32(), &text),
            Err(_) => prop_assert!(!(10..=64).contains(&bytes.len())),
        }
    }

    #[test]
    fn any_text_is_a_totp_secret_or_is_refused(text in "\\PC{0,120}") {
        if let Ok(secret) = TotpSecret::parse(&text) {
            prop_assert_eq!(TotpSecret::parse(&secret.to_base32()), Ok(secret));
        }
    }

    #[test]
    fn s6_code_of_a_step_is_good_once(
        random in any::<[u8; SECRET_BYTES]>(), now in 0..4_000_000_000_000_i64, off in -3..=3_i64,
    ) {
        let secret = TotpSecret::new(random);
        let Ok(code) = TotpCode::parse(&secret.code_at(now + off * STEP_MS)) else {
            return Err(TestCaseError::fail("a code has six digits"));
        };
        match secret.step_of(&code, now, None) {
            Some(step) => {
                prop_assert!((step - now / STEP_MS).abs() <= 1);
                // The same code can be that of the next step, too: once in a million.
                prop_assert!(secret.step_of(&code, now, Some(step)).is_none());
            }
            None => prop_assert!(off.abs() > 1),
        }
    }

    #[test]
    fn any_text_is_a_totp_code_of_six_digits_or_is_refused(text in "[0-9 ]{0,9}|\\PC{0,12}") {
        let digits = text.chars().filter(|character| *character != ' ').collect::<String>();
        let is_code = digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_digit());
        prop_assert_eq!(TotpCode::parse(&text).is_ok(), is_code);
    }

    #[test]
    fn backup_code_is_right_however_it_is_typed(
        random in any::<[u8; backup_code::CHARACTERS]>(), upper in any::<u16>(), dashes in any::<u16>(),
    ) {
        let code = backup_code::generate(random);
        let mut typed = String::new();
        for (at, character) in code.chars().filter(|character| *character != '-').enumerate() {
            if dashes >> at & 1 == 1 {
                typed.push('-');
            }
            typed.push(if upper >> at & 1 == 1 { character.to_ascii_uppercase() } else { character });
        }
        let mut workspace = Workspace::default();
        let stored = BackupCode::of(&code);
        prop_assert!(stored.matches(&typed, &mut workspace));
        typed.pop();
        prop_assert!(!stored.matches(&typed, &mut workspace));
        prop_assert_eq!(BackupCode::from_text(&BackupCode::to_text(&[stored.clone(), stored.clone()])), Some(vec![stored; 2]));
    }

    #[test]
    fn any_text_is_a_list_of_backup_codes_or_is_damaged(text in "\\PC{0,80}") {
        if let Some(codes) = BackupCode::from_text(&text) {
            prop_assert_eq!(BackupCode::from_text(&BackupCode::to_text(&codes)), Some(codes));
        }
        if let Ok(BackupCode::Sha256(digest)) = BackupCode::import(&text) {
            prop_assert_eq!(digest.len(), 64);
        }
    }
}
