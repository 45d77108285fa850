use super::*;
use std::time::{Duration, Instant};

#[tokio::test]
async fn password_that_is_set_is_right_and_every_other_is_wrong() {
    let app = TestApp::new().await;
    let user = app.user_with(1, json!({ "password": "a rare one of mine" })).await;
    let shown = app.read(&user).await;
    assert_eq!(
        (&shown["password_enabled"], &shown["password_last_updated_at"]),
        (&json!(true), &shown["created_at"])
    );
    let right = app.verify_password(&user, "a rare one of mine").await;
    assert_eq!(right.ok(), &json!({ "verified": true }));
    for wrong in ["", "a rare one of mine ", "A rare one of mine"] {
        app.verify_password(&user, wrong).await.refused(422, "incorrect_password", "");
    }
    // Longer than any that is compared.
    app.verify_password(&user, &"x".repeat(2_000)).await.refused(422, "incorrect_password", "");
    let before = app.tick();
    app.patch(&format!("/v1/users/{user}"), json!({ "password": "another rare one" })).await.ok();
    assert_eq!(app.read(&user).await["password_last_updated_at"], before);
    app.verify_password(&user, "a rare one of mine").await.refused(422, "incorrect_password", "");
    app.verify_password(&user, "another rare one").await.ok();
}

#[tokio::test]
async fn user_without_a_password_and_nobody_are_refused() {
    let app = TestApp::new().await;
    let user = app.user_with(1, json!({})).await;
    app.verify_password(&user, PASSWORD).await.refused(400, "no_password_set", "");
    app.verify_password("user_nobody", PASSWORD).await.refused(404, "resource_not_found", "");
    assert_eq!(app.read(&user).await["password_enabled"], false);
}

#[tokio::test]
async fn passwords_that_break_a_rule_are_refused_with_all_that_is_wrong() {
    let app = TestApp::new().await;
    for (password, code) in [
        ("short", "form_password_length_too_short"),
        ("password1", "form_password_pwned"),
        (&"x".repeat(73), "form_password_length_too_long"),
        (&"🦀".repeat(300), "form_password_size_in_bytes_exceeded"),
        ("USER-1@example.com", "form_password_matches_identifier"),
    ] {
        let body = json!({ "email_address": ["user-1@example.com"], "password": password, "locale": "?" });
        let refused = app.post("/v1/users", body).await;
        let codes: Vec<_> =
            refused.body["errors"].as_array().unwrap().iter().map(|error| error["code"].clone()).collect();
        if code == "form_password_matches_identifier" {
            assert_eq!(codes, ["form_param_format_invalid"], "it is compared once all else is good");
        } else {
            assert!(codes.contains(&code.into()) && codes.len() == 2, "{codes:?}");
        }
        let body = json!({ "email_address": ["user-1@example.com"], "password": password });
        app.post("/v1/users", body).await.refused(422, code, "password");
    }
    // The checks can be left out, but not all sense.
    let weak = app.user_with(2, json!({ "password": "weak", "skip_password_checks": true })).await;
    app.verify_password(&weak, "weak").await.ok();
    let empty = json!({ "password": "", "skip_password_checks": true });
    app.post("/v1/users", empty).await.refused(422, "form_param_value_invalid", "password");
    let patch = json!({ "password": "user-2@example.com" });
    let refused = app.patch(&format!("/v1/users/{weak}"), patch).await;
    refused.refused(422, "form_password_matches_identifier", "password");
    app.verify_password(&weak, "weak").await.ok();
}

#[tokio::test]
async fn s17_no_answer_about_a_password_comes_sooner_than_a_comparison() {
    const ROUNDS: usize = 6;
    let app = TestApp::new().await;
    let rare = json!({ "password": "a rare one of mine" });
    let user = async |at: usize, fields: Value| app.user_with(at, fields).await;
    let with = |name: &str| json!({ "password": "a rare one of mine", name: true });
    let md5 = json!({ "password_digest": "d13a384bfba83709c2b4fe3747f1456f", "password_hasher": "md5" });
    let compromised = user(1, rare.clone()).await;
    app.post(&format!("/v1/users/{compromised}/password/set_compromised"), json!({})).await.ok();
    let cases = [
        ("wrong", user(2, rare.clone()).await, "another"),
        ("empty", user(3, rare.clone()).await, ""),
        ("too long", user(4, rare.clone()).await, &"x".repeat(2_000)),
        ("of a cheap digest", user(5, md5).await, "another"),
        ("no password", user(6, json!({})).await, "another"),
        ("nobody", "user_nobody".to_owned(), "another"),
        ("locked", user(7, with("locked")).await, "another"),
        ("banned", user(8, with("banned")).await, "another"),
        ("compromised", compromised, "a rare one of mine"),
    ];
    // The fastest of each: a machine that does other things as well only makes them slower.
    let mut fastest = vec![Duration::MAX; cases.len()];
    for _ in 0..ROUNDS {
        for ((name, user, password), fastest) in cases.iter().zip(&mut fastest) {
            let start = Instant::now();
            let answer = app.verify_password(user, password).await;
            assert!((400..429).contains(&answer.status), "{name}: {}", answer.text);
            *fastest = start.elapsed().min(*fastest);
        }
    }
    let digest = cpu_time_of_a_digest();
    for ((name, ..), took) in cases.iter().zip(&fastest) {
        assert!(*took * 2 > digest, "{name} took {took:?}, and a digest takes {digest:?}");
    }
}

/// Of a core, whatever else the machine does: no comparison can take less.
fn cpu_time_of_a_digest() -> Duration {
    let now = || {
        let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
        Duration::from_nanos(told.split(' ').next().unwrap().parse().unwrap())
    };
    let mut workspace = verger_credentials::Workspace::default();
    let once = |_| {
        let start = now();
        verger_credentials::digest::spend_the_rest(verger_credentials::Cost(0), &mut workspace);
        now() - start
    };
    (0..5).map(once).min().unwrap()
}

#[tokio::test]
async fn digest_and_hasher_come_together_and_without_a_password() {
    let app = TestApp::new().await;
    let md5 = "d13a384bfba83709c2b4fe3747f1456f";
    for (fields, status, code, param) in [
        (json!({ "password_digest": md5 }), 422, "form_param_missing", "password_hasher"),
        (json!({ "password_hasher": "md5" }), 422, "form_param_missing", "password_digest"),
        (
            json!({ "password_digest": md5, "password_hasher": "md5", "password": "a rare one" }),
            422,
            "form_param_value_invalid",
            "password_digest",
        ),
        (
            json!({ "password_digest": md5, "password_hasher": "awscognito" }),
            422,
            "form_password_digest_invalid_code",
            "password_hasher",
        ),
        (
            json!({ "password_digest": "x", "password_hasher": "md5" }),
            422,
            "form_password_digest_invalid_code",
            "password_digest",
        ),
        (
            json!({ "sign_out_of_other_sessions": true }),
            422,
            "form_param_value_invalid",
            "sign_out_of_other_sessions",
        ),
    ] {
        let user = app.bare_user().await;
        app.patch(&format!("/v1/users/{user}"), fields.clone()).await.refused(status, code, param);
        assert_eq!(app.read(&user).await["password_enabled"], false, "{fields}");
    }
}

/// The vectors of the crate of digests: one for each hasher.
const VECTORS: &[(&str, &str)] = &[
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
    ("sha256_salted", "salt$b1e7fe6be09275247f90dc14bd6cbf5a3054a4c427faecdd260db129a67803f9"),
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
        "pbkdf2_sha512$1000$NaClNaCl$b1b6e6d945b48a9bed11b57d8610e9df1ca40a4276330e58307ac57bd1d7ec54d2795eb7a2b7a281793258bc7587c00e9fa207eba52f3072247098cd3b8abc05",
    ),
    (
        "pbkdf2_sha512_hex",
        "pbkdf2_sha512_hex$1000$4e61436c4e61436c4e61436c31323334$d3db9f50eb38c8c2832156770f0726a3dba88b64a8684a9caa17a247c5f3e7811b6c739a98aa4ca9166a12df5a488605ad08519958a290b8872a008ff91f695e",
    ),
    ("phpass", "$P$5NaClNaCl8WXTXa7jQppIhZNsbiKhm."),
    ("md5_phpass", "$P$5NaClNaCl9szFXXthppJzSMczK6JB10"),
    (
        "scrypt_firebase",
        "Kd9zJF6+PoOAkBFMOC+DEGWIYbk1JXyhyrSIy2mIcIJ1ru5MRoeZHQE1KPWwM5vUrd/+WWyK4u7aKNSBLIILwQ==$42xEC+ixf3L2lw==$jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==$Bw==$8$14",
    ),
    (
        "scrypt_werkzeug",
        "scrypt:32768:8:1$NaClNaClNaCl1234$4efeb686a354e833bee8fa0d6e756f66663361ac5598b52e0442caffa4dcc4868ff964c9fbe6f2721f26502d4ec5b9df154706f7d900ebcf69e7a3c952620c47",
    ),
    ("ldap_ssha", "{SSHA}aQ90U1m5wr3u1fiTQ+AvzVXDNNVOYUNs"),
    (
        "sha512_symfony",
        "sha512_symfony$5000$NaCl$uFFwZP+U6JDuDZ7LmcMoPa8i9y5qxK91zsgx8Sn0JiTgiCR6s/FLIuP9YY3FCuzAGKjlcO6kGD4YUqZnbZLo7w==",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_digest_verifies_and_is_argon2id_afterwards() {
    let app = TestApp::new().await;
    let own = app.user_with(99, json!({ "password": PASSWORD })).await;
    let own_length = app.sealed_password(&own).await.len();
    for (at, (hasher, digest)) in VECTORS.iter().enumerate() {
        let fields = json!({ "password_digest": digest, "password_hasher": hasher });
        let user = app.user_with(at, fields).await;
        let before = app.read(&user).await;
        assert_eq!(before["password_enabled"], true);
        let imported = app.sealed_password(&user).await;
        app.verify_password(&user, "Verger-test-1").await.refused(422, "incorrect_password", "");
        assert_eq!(app.sealed_password(&user).await, imported, "{hasher}: a wrong one changes nothing");
        app.verify_password(&user, PASSWORD).await.ok();
        let rehashed = app.sealed_password(&user).await;
        assert_eq!(rehashed.len(), own_length, "{hasher}: it is as long as our own");
        assert_ne!(rehashed, imported, "{hasher}");
        app.verify_password(&user, PASSWORD).await.ok();
        app.verify_password(&user, "Verger-test-1").await.refused(422, "incorrect_password", "");
        assert_eq!(app.sealed_password(&user).await, rehashed, "{hasher}: once is enough");
        // That the digest was made anew is no change of the user.
        let mut after = app.read(&user).await;
        after["verification_attempts_remaining"] = before["verification_attempts_remaining"].clone();
        assert_eq!(after, before, "{hasher}");
    }
}

#[tokio::test]
async fn s37_imported_bcrypt_keeps_its_rule_until_it_is_hashed_anew() {
    let app = TestApp::new().await;
    // bcrypt of 80 letters, of which it looks at 72.
    let digest = bcrypt::hash("x".repeat(80), 4).unwrap();
    let user = app.user_with(1, json!({ "password_digest": digest, "password_hasher": "bcrypt" })).await;
    app.verify_password(&user, &"x".repeat(72)).await.ok();
    // Now it is of these 72 letters.
    app.verify_password(&user, &"x".repeat(72)).await.ok();
    app.verify_password(&user, &"x".repeat(80)).await.refused(422, "incorrect_password", "");
    app.verify_password(&user, &"x".repeat(73)).await.refused(422, "incorrect_password", "");
}

#[tokio::test]
async fn s38_hostile_digests_are_refused_at_once() {
    let app = TestApp::new().await;
    let user = app.bare_user().await;
    for (hasher, digest) in [
        ("argon2id", "$argon2id$v=19$m=4194304,t=100,p=1$TmFDbE5hQ2xOYUNsMTIzNA$AOVREARcv2tHzsb8Fym5NZQpzmhgLCG8gry77u61YCM".to_owned()),
        ("bcrypt", "$2b$31$abcdefghijklmnopqrstuutFRmox32/oMUicrvfahfUOhMf2MJxPO".to_owned()),
        ("scrypt_werkzeug", format!("scrypt:1073741824:8:1$NaCl${}", "4e".repeat(64))),
        ("pbkdf2_sha512", format!("pbkdf2_sha512$4000000000$NaCl${}", "4e".repeat(64))),
        ("md5", "x".repeat(500_000)),
    ] {
        let body = json!({ "password_digest": digest, "password_hasher": hasher });
        let start = Instant::now();
        let refused = app.patch(&format!("/v1/users/{user}"), body).await;
        // Any of them would take many seconds; the machine may be slow.
        assert!(start.elapsed() < Duration::from_secs(2), "{hasher}: {:?}", start.elapsed());
        refused.refused(422, "form_password_digest_invalid_code", "password_digest");
    }
}

#[tokio::test]
async fn s34_arrays_and_repeats_are_no_password() {
    let app = TestApp::new().await;
    let user = app.user_with(1, json!({ "password": "a rare one of mine" })).await;
    let path = format!("/v1/users/{user}/verify_password");
    for body in
        [r#"{"password":["a rare one of mine"]}"#, r#"{"password":null}"#, "{}", r#"{"password":{"$ne":""}}"#]
    {
        let refused = app.call("POST", &path).body(body).send().await;
        assert_eq!((refused.status, refused.param()), (422, "password"), "{body}: {}", refused.text);
    }
    let twice = r#"{"password":"wrong","password":"a rare one of mine"}"#;
    let refused = app.call("POST", &path).body(twice).send().await;
    assert!((400..500).contains(&refused.status), "{}", refused.text);
    assert_eq!(app.read(&user).await["verification_attempts_remaining"], 100, "nothing was tried");
}

#[tokio::test]
async fn password_that_was_set_compromised_opens_nothing() {
    let app = TestApp::new().await;
    let user = app.user_with(1, json!({ "password": "a rare one of mine" })).await;
    let set = |what: &str| format!("/v1/users/{user}/password/{what}");
    app.post(&set("set_compromised"), json!({})).await.ok();
    let refused = app.verify_password(&user, "a rare one of mine").await;
    refused.refused(422, "form_password_compromised", "");
    app.verify_password(&user, "another").await.refused(422, "incorrect_password", "");
    app.post(&set("unset_compromised"), json!({})).await.ok();
    app.verify_password(&user, "a rare one of mine").await.ok();
    // A new password is known to nobody.
    app.post(&set("set_compromised"), json!({ "revoke_all_sessions": true })).await.ok();
    app.patch(&format!("/v1/users/{user}"), json!({ "password": "another rare one" })).await.ok();
    app.verify_password(&user, "another rare one").await.ok();
    let bare = app.bare_user().await;
    for what in ["set_compromised", "unset_compromised"] {
        let refused = app.call("POST", &format!("/v1/users/{bare}/password/{what}")).send().await;
        refused.refused(400, "no_password_set", "");
    }
}

#[tokio::test]
async fn password_is_removed_and_told_of() {
    let app = TestApp::new().await;
    let user = app.user_with(1, json!({ "password": "a rare one of mine" })).await;
    let path = format!("/v1/users/{user}/remove_password");
    let removed = app.post(&path, json!({ "sign_out_of_other_sessions": true })).await;
    let version = removed.header("etag").unwrap().to_owned();
    assert_eq!(removed.ok()["password_enabled"], false);
    assert_eq!(removed.body["password_last_updated_at"], Value::Null);
    let again = app.call("POST", &path).send().await;
    assert_eq!((again.status, again.header("etag")), (200, Some(version.as_str())));
    app.verify_password(&user, "a rare one of mine").await.refused(400, "no_password_set", "");
}

#[tokio::test]
async fn operators_list_refuses_what_is_on_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("list.txt");
    // SHA-1 of "correct horse battery", and others around it.
    let mut digests: Vec<String> = ["correct horse battery", "one", "two", "three", "four"]
        .map(|text| aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes()))
        .map(|digest| digest.as_ref().iter().map(|byte| format!("{byte:02X}")).collect())
        .into();
    digests.sort();
    std::fs::write(&path, digests.join("\n")).unwrap();
    let passwords = verger_server::PasswordChecks {
        list: Some(verger_server::PasswordList::open(&path).unwrap()),
        ..Default::default()
    };
    let app = TestApp::with(verger_server::Messaging {
        passwords,
        ..verger_server::Messaging::development().unwrap()
    })
    .await;
    let body = |password: &str| json!({ "password": password, "skip_user_requirement": true });
    let refused = app.post("/v1/users", body("correct horse battery")).await;
    refused.refused(422, "form_password_pwned", "password");
    app.post("/v1/users", body("correct horse battery!")).await.ok();
    let mut skipped = body("correct horse battery");
    skipped["skip_password_checks"] = true.into();
    app.post("/v1/users", skipped).await.ok();
    std::fs::write(&path, "no list\n").unwrap();
    assert!(verger_server::PasswordList::open(&path).is_err());
}
