//! A digest of each form, of the password `Verger-test-1!`: computed for this project, the phpass and Firebase ones by
//! routines that reproduce the vectors of those projects.

use verger_credentials::{Cost, Digest, Hasher, Password, Workspace};

pub(crate) const PASSWORD: &str = "Verger-test-1!";

pub(crate) const VECTORS: &[(&str, &str)] = &[
    (
        "argon2id",
        "$argon2id$v=19$m=64,t=2,p=1$TmFDbE5hQ2xOYUNsMTIzNA$AOVREARcv2tHzsb8Fym5NZQpzmhgLCG8gry77u61YCM",
    ),
    (
        "argon2i",
        "$argon2i$v=19$m=4096,t=3,p=1$TmFDbE5hQ2xOYUNsMTIzNA$LOaY8g26gxPVsdHodF47UCM8eF7AKaXTKnqryakAiE4",
    ),
    ("bcrypt", "$2b$04$abcdefghijklmnopqrstuutFRmox32/oMUicrvfahfUOhMf2MJxPO"),
    ("bcrypt_peppered", "$2b$04$abcdefghijklmnopqrstuuJSFsIRXZKPUx1Id7rJXdh0GIJ0CuGWy$pepper"),
    ("bcrypt_sha256_django", "bcrypt_sha256$$2b$04$abcdefghijklmnopqrstuuObMxvmnxQfL6bpNjE6Me3U630wAZzj2"),
    ("md5", "d13a384bfba83709c2b4fe3747f1456f"),
    ("sha256", "609256b46b0feeefb95ae9cc2d805e308e57961d6aa52076014d1130046c906d"),
    ("md5_salted", "salt$0db634924c096910e68fc9c48d421989"),
    ("md5_salted", "salt$db4fac5f4cd43ffb8c9894031e15b0b1"),
    ("sha256_salted", "salt$2870469c88f04e7dd7321c8c7e9869f8e65a658640494adb6bf4a6e746a4f188"),
    ("sha256_salted", "salt$b1e7fe6be09275247f90dc14bd6cbf5a3054a4c427faecdd260db129a67803f9"),
    ("sha256_salted", "b1e7fe6be09275247f90dc14bd6cbf5a3054a4c427faecdd260db129a67803f9$salt"),
    (
        "pbkdf2_sha1",
        "pbkdf2_sha1$1000$4e61436c4e61436c4e61436c31323334$b8b376de0709bc0412b9629522d26a6b10efd9c3$20",
    ),
    (
        "pbkdf2_sha1",
        "pbkdf2_sha1$1000$saltysalt$ceb8cc90e0f505dff22701d855c32627d07e2065e2c62fa190caba346071d286",
    ),
    (
        "pbkdf2_sha256",
        "pbkdf2_sha256$1000$TmFDbE5hQ2xOYUNsMTIzNA==$/zMOTU0AQ8U1iMr1ZaP6KXctFipVgHYS2xbTk3Oo3qU=",
    ),
    ("pbkdf2_sha256_django", "pbkdf2_sha256$1000$NaClNaCl$z9BQkq9/AviJoqH3HatuuUWPkOvqSztaKT/oYd5QC7Q="),
    (
        "pbkdf2_sha512",
        "pbkdf2_sha512$1000$NaClNaCl$b1b6e6d945b48a9bed11b57d8610e9df1ca40a4276330e58307ac57bd1d7ec54d2795eb7a2b7a281793\
         258bc7587c00e9fa207eba52f3072247098cd3b8abc05",
    ),
    (
        "pbkdf2_sha512_hex",
        "pbkdf2_sha512_hex$1000$4e61436c4e61436c4e61436c31323334$d3db9f50eb38c8c2832156770f0726a3dba88b64a8684a9caa17a24\
         7c5f3e7811b6c739a98aa4ca9166a12df5a488605ad08519958a290b8872a008ff91f695e",
    ),
    ("phpass", "$P$5NaClNaCl8WXTXa7jQppIhZNsbiKhm."),
    ("md5_phpass", "$P$5NaClNaCl9szFXXthppJzSMczK6JB10"),
    (
        "scrypt_firebase",
        "Kd9zJF6+PoOAkBFMOC+DEGWIYbk1JXyhyrSIy2mIcIJ1ru5MRoeZHQE1KPWwM5vUrd/+WWyK4u7aKNSBLIILwQ==$42xEC+ixf3L2lw==$jxsp\
         r8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==$Bw==$8$14",
    ),
    (
        "scrypt_werkzeug",
        "scrypt:32768:8:1$NaClNaClNaCl1234$4efeb686a354e833bee8fa0d6e756f66663361ac5598b52e0442caffa4dcc4868ff964c9fbe6f\
         2721f26502d4ec5b9df154706f7d900ebcf69e7a3c952620c47",
    ),
    ("ldap_ssha", "{SSHA}aQ90U1m5wr3u1fiTQ+AvzVXDNNVOYUNs"),
    (
        "sha512_symfony",
        "sha512_symfony$5000$NaCl$uFFwZP+U6JDuDZ7LmcMoPa8i9y5qxK91zsgx8Sn0JiTgiCR6s/FLIuP9YY3FCuzAGKjlcO6kGD4YUqZnbZLo7w=\
         =",
    ),
];

pub(crate) fn parse(hasher: &str, text: &str) -> Digest {
    let hasher = Hasher::imported(hasher).unwrap();
    Digest::parse(hasher, text).unwrap_or_else(|why| panic!("{text}: {why:?}"))
}

fn typed(text: &str) -> Password {
    Password::typed(text).unwrap()
}

#[test]
fn every_hasher_verifies_its_vector_and_no_other_password() {
    let mut workspace = Workspace::default();
    for (hasher, text) in VECTORS {
        let digest = parse(hasher, text);
        assert!(digest.verify(&typed(PASSWORD), &mut workspace), "{hasher}");
        for wrong in ["", "Verger-test-1", "Verger-test-1! ", "verger-test-1!"] {
            assert!(!digest.verify(&typed(wrong), &mut workspace), "{hasher}: {wrong}");
        }
        assert_eq!(digest.hasher().as_str(), *hasher);
        assert_eq!(format!("{digest:?}"), format!("Digest({hasher})"));
    }
    for hasher in Hasher::IMPORTED {
        let name = hasher.as_str();
        assert!(VECTORS.iter().any(|(known, _)| *known == name), "no vector for {name}");
        assert_eq!(Hasher::stored(name), Some(hasher));
    }
}

#[test]
fn hashers_that_nobody_can_compare_with_are_refused() {
    for name in ["awscognito", "hmac_sha256_utf16_b64", "own", "", "ARGON2ID", "bcrypt ", "sha1"] {
        assert_eq!(Hasher::imported(name), None, "{name}");
    }
    assert_eq!(Hasher::stored("own"), Some(Hasher::Own));
}

#[test]
fn any_changed_character_of_a_hash_verifies_no_longer() {
    let mut workspace = Workspace::default();
    for (hasher, text) in VECTORS.iter().filter(|(hasher, _)| !hasher.starts_with("scrypt")) {
        // The hash is in the last field, or the last but one; all of these have a letter of it there.
        let at = text.len() - if *hasher == "bcrypt_peppered" { 20 } else { 12 };
        let mut changed = text.as_bytes().to_vec();
        changed[at] = if changed[at] == b'a' { b'b' } else { b'a' };
        let changed = String::from_utf8(changed).unwrap();
        let Ok(digest) = Digest::parse(Hasher::imported(hasher).unwrap(), &changed) else { continue };
        assert!(!digest.verify(&typed(PASSWORD), &mut workspace), "{changed}");
    }
}

#[test]
fn s37_imported_bcrypt_keeps_its_own_rule_of_72_bytes() {
    let digest = parse("bcrypt", &bcrypt::hash("x".repeat(80), 4).unwrap());
    let mut workspace = Workspace::default();
    assert!(digest.verify(&typed(&"x".repeat(72)), &mut workspace));
    assert!(digest.verify(&typed(&"x".repeat(100)), &mut workspace));
    assert!(!digest.verify(&typed(&"x".repeat(71)), &mut workspace));
}

#[test]
fn other_systems_digests_are_of_what_was_typed() {
    let (composed, decomposed) = ("caf\u{e9} caf\u{e9}", "cafe\u{301} cafe\u{301}");
    let mut workspace = Workspace::default();
    let digest = parse("bcrypt", &bcrypt::hash(decomposed, 4).unwrap());
    assert!(digest.verify(&typed(decomposed), &mut workspace));
    assert!(!digest.verify(&typed(composed), &mut workspace));
}

#[test]
fn cost_says_which_digests_are_cheaper_than_our_own() {
    for (hasher, text) in VECTORS {
        let cost = parse(hasher, text).cost();
        assert_eq!(cost > Cost::OWN, hasher.starts_with("scrypt"), "{hasher}: {cost:?}");
    }
    let bcrypt = VECTORS[2].1;
    for (cost, is_dearer) in [("07", false), ("08", false), ("09", true), ("14", true)] {
        let digest = parse("bcrypt", &bcrypt.replace("$04$", &format!("${cost}$")));
        assert_eq!(digest.cost() > Cost::OWN, is_dearer, "{cost}");
    }
}
