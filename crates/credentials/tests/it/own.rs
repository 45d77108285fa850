//! Our own digests.

use verger_credentials::digest::{SALT_BYTES, spend_the_rest};
use verger_credentials::{Cost, Digest, Hasher, Password, Workspace};

fn typed(text: &str) -> Password {
    Password::typed(text).unwrap()
}

#[test]
fn own_digest_is_argon2id_with_the_parameters_of_the_contract() {
    let mut workspace = Workspace::default();
    let text = Digest::own(&typed("a password of mine"), *b"0123456789abcdef", &mut workspace);
    assert!(text.starts_with("$argon2id$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$"), "{text}");
    let own = Digest::parse(Hasher::Own, &text).unwrap();
    assert_eq!(own.cost(), Cost::OWN);
    assert!(own.verify(&typed("a password of mine"), &mut workspace));
    assert!(!own.verify(&typed("a password of mine "), &mut workspace));
    // The same in memory that others used before, and that was given back.
    workspace.release();
    assert_eq!(Digest::own(&typed("a password of mine"), *b"0123456789abcdef", &mut workspace), text);
    assert_ne!(Digest::own(&typed("a password of mine"), [0; SALT_BYTES], &mut workspace), text);
}

#[test]
fn own_digest_is_of_the_password_in_nfkc() {
    let mut workspace = Workspace::default();
    let text = Digest::own(&typed("caf\u{e9} caf\u{e9}"), [1; SALT_BYTES], &mut workspace);
    let own = Digest::parse(Hasher::Own, &text).unwrap();
    assert!(own.verify(&typed("cafe\u{301} cafe\u{301}"), &mut workspace));
    // As another system's digest it is of what was typed.
    let imported = Digest::parse(Hasher::Argon2id, &text).unwrap();
    assert!(!imported.verify(&typed("cafe\u{301} cafe\u{301}"), &mut workspace));
}

#[test]
fn s37_passwords_that_differ_after_72_bytes_differ() {
    let mut workspace = Workspace::default();
    let [one, other] = ["🦀🦀", "🦀🐙"].map(|end| typed(&format!("{}{end}", "x".repeat(70))));
    let own = Digest::parse(Hasher::Own, &Digest::own(&one, [2; SALT_BYTES], &mut workspace)).unwrap();
    assert!(own.verify(&one, &mut workspace));
    assert!(!own.verify(&other, &mut workspace));
}

#[test]
fn rest_of_the_time_is_spent_without_regard_to_how_much_is_left() {
    let mut workspace = Workspace::default();
    for spent in [0, 1, 500, 999, 1_000, 5_000, u64::MAX] {
        spend_the_rest(Cost(spent), &mut workspace);
    }
}

#[test]
fn digest_that_takes_more_memory_than_our_own_is_known_to() {
    let hash = "4e".repeat(64);
    let argon = |m| {
        format!(
            "$argon2id$v=19$m={m},t=1,p=1$TmFDbE5hQ2xOYUNsMTIzNA$AOVREARcv2tHzsb8Fym5NZQpzmhgLCG8gry77u61YCM"
        )
    };
    for (hasher, text, is_large) in [
        (Hasher::Argon2id, argon(19_456), false),
        (Hasher::Argon2id, argon(19_457), true),
        (Hasher::ScryptWerkzeug, format!("scrypt:16384:8:16$NaCl${hash}"), false),
        (Hasher::ScryptWerkzeug, format!("scrypt:32768:8:1$NaCl${hash}"), true),
        (Hasher::Bcrypt, "$2b$14$abcdefghijklmnopqrstuutFRmox32/oMUicrvfahfUOhMf2MJxPO".to_owned(), false),
    ] {
        assert_eq!(Digest::parse(hasher, &text).unwrap().is_large(), is_large, "{text}");
    }
}
