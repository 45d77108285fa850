//! A thousand digests that would cost too much, or have no form: each is refused at once.

use crate::vectors::VECTORS;
use std::time::{Duration, Instant};
use verger_credentials::{Digest, Hasher};

/// Contract section 3: refused in less than this, not after a while.
const REFUSED_WITHIN: Duration = Duration::from_millis(50);

fn hostile_costs() -> Vec<(Hasher, String)> {
    let mut found = Vec::new();
    let mut add = |hasher, text: String| found.push((hasher, text));
    let (salt, hash) = ("TmFDbE5hQ2xOYUNsMTIzNA", "AOVREARcv2tHzsb8Fym5NZQpzmhgLCG8gry77u61YCM");
    for (m, t, p) in [
        (262_145_u32, 1_u32, 1_u32),
        (262_144, 17, 1),
        (4_294_967_295, 1, 1),
        (64, 65_537, 1),
        (64, 4_294_967_295, 1),
        (64, 2, 9),
        (4_096, 1, 16_777_215),
        (8, 1, 2),
        (0, 0, 0),
        (64, 0, 1),
        (64, 1, 0),
        (7, 1, 1),
    ] {
        for (hasher, name) in [(Hasher::Argon2id, "argon2id"), (Hasher::Argon2i, "argon2i")] {
            for version in ["v=19$", "v=16$", ""] {
                add(hasher, format!("${name}${version}m={m},t={t},p={p}${salt}${hash}"));
            }
        }
    }
    for parameters in [
        "m=99999999999999999999,t=1,p=1",
        "m=064,t=2,p=1",
        "m=64,t=2",
        "t=2,m=64,p=1",
        "m=64,t=2,p=1,keyid=x",
    ] {
        add(Hasher::Argon2id, format!("$argon2id$v=19${parameters}${salt}${hash}"));
    }
    for cost in (15..=31).chain([0, 1, 2, 3, 32, 99]) {
        let bcrypt = format!("$2b${cost:02}$abcdefghijklmnopqrstuutFRmox32/oMUicrvfahfUOhMf2MJxPO");
        add(Hasher::Bcrypt, bcrypt.clone());
        add(Hasher::BcryptPeppered, format!("{bcrypt}$pepper"));
        add(Hasher::BcryptSha256Django, format!("bcrypt_sha256${bcrypt}"));
    }
    for iterations in
        ["2000001", "4294967296", "99999999999999999999", "0", "-1", "1e9", "+1000", "01000", ""]
    {
        let base64 = "/zMOTU0AQ8U1iMr1ZaP6KXctFipVgHYS2xbTk3Oo3qU=";
        let hex = "ceb8cc90e0f505dff22701d855c32627d07e2065e2c62fa190caba346071d286";
        add(Hasher::Pbkdf2Sha1, format!("pbkdf2_sha1${iterations}$saltysalt${hex}"));
        add(Hasher::Pbkdf2Sha256, format!("pbkdf2_sha256${iterations}$TmFDbA==${base64}"));
        add(Hasher::Pbkdf2Sha256Django, format!("pbkdf2_sha256${iterations}$NaCl${base64}"));
        add(Hasher::Pbkdf2Sha512, format!("pbkdf2_sha512${iterations}$NaCl${hex}{hex}"));
        add(Hasher::Pbkdf2Sha512Hex, format!("pbkdf2_sha512_hex${iterations}$4e61${hex}{hex}"));
        add(Hasher::Sha512Symfony, format!("sha512_symfony${iterations}$NaCl${}", "A".repeat(86)));
    }
    for (n, r, p) in [
        ("4194304", "1", "1"),
        ("262144", "9", "1"),
        ("2", "4294967295", "1"),
        ("16384", "8", "17"),
        ("16384", "8", "4294967295"),
        ("18446744073709551616", "8", "1"),
        ("9223372036854775808", "8", "1"),
        ("32767", "8", "1"),
        ("0", "8", "1"),
        ("1", "8", "1"),
        ("16384", "0", "1"),
        ("16384", "8", "0"),
    ] {
        add(Hasher::ScryptWerkzeug, format!("scrypt:{n}:{r}:{p}$NaCl${}", "4e".repeat(64)));
    }
    for (rounds, memory_cost) in [
        ("8", "19"),
        ("8", "63"),
        ("8", "64"),
        ("8", "4294967296"),
        ("0", "14"),
        ("8", "0"),
        ("4294967296", "1"),
    ] {
        let hash = "Kd9zJF6+PoOAkBFMOC+DEGWIYbk1JXyhyrSIy2mIcIJ1ru5MRoeZHQE1KPWwM5vUrd/+WWyK4u7aKNSBLIILwQ==";
        add(Hasher::ScryptFirebase, format!("{hash}$42xEC+ixf3L2lw==${hash}$Bw==${rounds}${memory_cost}"));
    }
    // The rounds of phpass: too few, too many, and no digit.
    for rounds in "./01234JKLMNOPQRSTUVWXYZabcxyz$!é".chars() {
        add(Hasher::Phpass, format!("$P${rounds}NaClNaCl8WXTXa7jQppIhZNsbiKhm."));
        add(Hasher::Md5Phpass, format!("$P${rounds}NaClNaCl9szFXXthppJzSMczK6JB10"));
    }
    found
}

fn hostile_forms() -> Vec<(Hasher, String)> {
    let mut found = Vec::new();
    for (name, text) in VECTORS {
        let hasher = Hasher::imported(name).unwrap();
        let mut add = |text: String| found.push((hasher, text));
        // Cut off anywhere, but before a pepper, and before the 16th byte of a hash whose length is not fixed.
        let is_free = ["argon2", "pbkdf2_sha256", "pbkdf2_sha512", "scrypt_werkzeug"];
        let shortest = match *name {
            "bcrypt_peppered" => 61,
            "scrypt_firebase" => text.rfind('$').unwrap() + 1,
            // The padding may be missing.
            "sha512_symfony" => text.len() - 2,
            name if is_free.iter().any(|free| name.starts_with(free)) => text.rfind('$').unwrap() + 20,
            _ => text.len() - 1,
        };
        for end in (0..shortest).step_by(3) {
            add(text[..end].to_owned());
        }
        for extra in ["$", " ", "\n", "\0", "é"] {
            add(format!("{extra}{text}"));
        }
        add(format!("{text}{}", "x".repeat(1_024)));
        add(text.repeat(100_000));
        add("$".repeat(1_024));
        add(format!("{text}\u{202e}").replace('$', "$$$"));
    }
    found
}

#[test]
fn s38_a_thousand_hostile_digests_are_refused_in_under_50_ms_each() {
    let (costs, forms) = (hostile_costs(), hostile_forms());
    assert!(costs.len() + forms.len() >= 1_000, "{} and {}", costs.len(), forms.len());
    let mut slowest = Duration::ZERO;
    for (hasher, text) in costs.iter().chain(&forms) {
        // The fastest of three: the machine does other things as well.
        let took = (0..3).map(|_| {
            let start = Instant::now();
            let _ = std::hint::black_box(Digest::parse(*hasher, text));
            start.elapsed()
        });
        slowest = slowest.max(took.min().unwrap());
        let read = Digest::parse(*hasher, text);
        // Any text beside a whole hash is a salt.
        let may_be_salt = matches!(hasher, Hasher::Md5Salted | Hasher::Sha256Salted) && text.len() > 32;
        assert!(
            read.is_err() || may_be_salt,
            "{}: {}",
            hasher.as_str(),
            text.chars().take(200).collect::<String>()
        );
    }
    assert!(slowest < REFUSED_WITHIN, "{slowest:?}");
}

#[test]
fn digests_at_the_caps_are_read() {
    let hash = "4e".repeat(64);
    for (hasher, text) in [
        (
            Hasher::Argon2id,
            "$argon2id$v=19$m=262144,t=16,p=8$TmFDbE5hQ2xOYUNsMTIzNA$AOVREARcv2tHzsb8Fym5NZQpzmhgLCG8gry77u61YCM",
        ),
        (Hasher::Bcrypt, "$2y$14$abcdefghijklmnopqrstuutFRmox32/oMUicrvfahfUOhMf2MJxPO"),
        (Hasher::Pbkdf2Sha512, &format!("pbkdf2_sha512$2000000$NaCl${hash}")),
        (Hasher::ScryptWerkzeug, &format!("scrypt:262144:8:16$NaCl${hash}")),
        (Hasher::Phpass, "$P$INaClNaCl8WXTXa7jQppIhZNsbiKhm."),
    ] {
        assert!(Digest::parse(hasher, text).is_ok(), "{text}");
    }
}
