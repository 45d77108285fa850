//! `verger webhooks`, and what `serve` refuses to tell.

use crate::support::{Ended, Installation, run};
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::Duration;

/// The `[webhooks]` section that lets a test listen on loopback.
fn loopback_config(installation: &Installation) -> String {
    let path = installation.data().join("webhooks.toml");
    std::fs::write(&path, "[webhooks]\nallow_networks = [\"127.0.0.0/8\"]\nallow_plain_http = true\n")
        .unwrap();
    path.display().to_string()
}

/// Takes one webhook, and gives the request as it came.
fn receive_one(listener: TcpListener) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let mut seen = String::new();
        let mut chunk = [0; 4096];
        while !seen.ends_with("}") {
            let read = stream.read(&mut chunk).unwrap();
            assert!(read > 0, "{seen}");
            seen.push_str(std::str::from_utf8(&chunk[..read]).unwrap());
        }
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
        seen
    })
}

/// No endpoint is added whose address or events are not allowed without settings.
fn assert_refuses_bad_endpoints(verger: impl Fn(&[&str]) -> Ended, loopback: &str) {
    for (bad, words) in [
        (loopback, "must begin with https://"),
        ("https://127.0.0.1/", "must not be a private address"),
        ("https://169.254.169.254/latest/", "must not be a private address"),
        ("nothing", "must begin with https://"),
        ("", "is empty"),
        ("https://example.com:70000/", "port from 1 to 65535"),
        ("https://example.com:0/", "port from 1 to 65535"),
        ("https://example.com:-1/", "port from 1 to 65535"),
        ("https://example.com/#x", "fragment"),
        ("https://user:hunter2@example.com/", "credentials"),
    ] {
        let refused = verger(&["webhooks", "add", bad]).refused();
        assert!(refused.contains(words) && !refused.contains("hunter2"), "{bad}: {refused}");
    }
    let refused = verger(&["webhooks", "add", "https://example.com/", "--event", "user.renamed"]).refused();
    assert!(refused.contains("phone_number.verified"), "{refused}");
}

/// The signature that a request must have, if this is the secret that signs.
fn signature(secret: &str, seen: &str) -> String {
    let header = |name: &str| {
        let line = seen.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim_start_matches(": ").to_owned()
    };
    let body = seen.split_once("\r\n\r\n").unwrap().1;
    verger_server::deliver::signature::SigningSecret::parse(secret).unwrap().sign(
        &header("svix-id"),
        header("svix-timestamp").parse().unwrap(),
        body.as_bytes(),
    )
}

#[test]
fn endpoint_is_added_listed_tested_replayed_and_removed() {
    let installation = Installation::new();
    let instance = installation.instance.as_str();
    let verger = |arguments: &[&str]| {
        run(installation.verger(arguments.iter().copied().chain(["--instance", instance])))
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let config = loopback_config(&installation);

    assert_refuses_bad_endpoints(verger, &url);

    let added = verger(&["webhooks", "add", &url, "--event", "user.*", "--config", &config]).ok();
    let (id, secret) = added.trim().split_once('\n').expect("two lines");
    assert!(id.starts_with("whe_") && secret.starts_with("whsec_"), "{added}");
    let listed = verger(&["webhooks", "list"]).ok();
    assert!(listed.contains(id) && listed.contains(&url) && listed.contains("user.*"), "{listed}");
    assert!(!listed.contains("whsec_"), "{listed}");

    let receiver = receive_one(listener.try_clone().unwrap());
    // Nobody listens at this proxy.
    let mut command =
        installation.verger(["webhooks", "test", id, "--config", &config, "--instance", instance]);
    for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
        command.env(name, "http://127.0.0.1:1");
    }
    let tested = run(command).ok();
    assert!(tested.starts_with("HTTP 204 after "), "{tested}");
    let seen = receiver.join().unwrap();
    assert!(seen.contains("webhook_endpoint.test") && seen.contains("svix-signature: v1,"), "{seen}");
    assert!(seen.contains("webhook-id: evt_"), "{seen}");
    // Without the settings that allow it, nothing leaves.
    let refused = verger(&["webhooks", "test", id]).refused();
    assert!(refused.contains("must begin with https://"), "{refused}");

    // Both secrets sign from now on, and then only the new one.
    for (lives, signatures) in [("1h", 2), ("0m", 1)] {
        let rotated = verger(&["webhooks", "rotate", id, "--former-lives", lives, "--config", &config]).ok();
        assert!(rotated.starts_with("whsec_") && rotated.trim() != secret, "{rotated}");
        let receiver = receive_one(listener.try_clone().unwrap());
        verger(&["webhooks", "test", id, "--config", &config]).ok();
        let seen = receiver.join().unwrap();
        let signed = seen.lines().find_map(|line| line.strip_prefix("svix-signature: ")).unwrap();
        assert_eq!(signed.split(' ').count(), signatures, "{signed}");
        let expected = signature(rotated.trim(), &seen);
        assert_eq!(signed.split(' ').next(), Some(expected.as_str()));
    }

    assert!(verger(&["webhooks", "replay", id, "--since", "2h"]).ok().contains(id));
    assert!(verger(&["webhooks", "remove", id]).ok().contains(id));
    for words in [&["webhooks", "remove", id][..], &["webhooks", "replay", id, "--since", "0"]] {
        assert!(verger(words).refused().contains("there is no endpoint"));
    }
    assert_eq!(verger(&["webhooks", "list"]).ok().lines().count(), 1);
    assert_eq!(verger(&["audit", "verify"]).ok(), "no rows yet\n");
    assert_eq!(verger(&["audit", "export"]).ok(), "");
}
