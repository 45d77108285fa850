//! Which databases are opened, and over which connections.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn database_of_another_encoding_is_refused() {
    let Some(cluster) = Cluster::shared() else { return };
    cluster.sql(
        "postgres",
        "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C' TEMPLATE template0",
    );
    let Err(error) = Store::open_url(&cluster.url("latin"), far()).await else { panic!("it was opened") };
    assert!(error.to_string().contains("LATIN1"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn server_is_found_among_several_hosts_and_over_its_socket() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    // Port 1 of this machine is closed.
    let several = format!("postgres://verger@127.0.0.1:1,127.0.0.1:{}/{database}", cluster.port());
    for url in [several, cluster.socket_url(&database)] {
        let store = Store::open_url(&url, far()).await.unwrap();
        store.ping(far()).await.unwrap();
    }
}

#[tokio::test]
async fn password_is_in_no_text() {
    let urls = [
        "postgres://ada:s3cret@127.0.0.1:1/verger",
        "postgres://ada:s3cret@127.0.0.1:1/verger?sslmode=full",
        "postgres://ada:s3cret@127.0.0.1:1/verger?sslmode=verify-full",
        "postgres://ada:s3cret@127.0.0.1:1/verger?sslmode=verify-full&sslrootcert=/none",
        "postgres://ada:s3cret@127.0.0.1:1/verger?pooler=session",
        "postgres://ada:s3cret@127.0.0.1:1/verger?nonsense=1",
        "postgres://ada:s3cret@127.0.0.1:port/verger",
        "postgres://ada:s3cret@127.0.0.1:1",
        "postgres://ada:s3cret@/verger",
        "postgres:ada:s3cret@127.0.0.1:1/verger",
        "mysql://ada:s3cret@127.0.0.1:1/verger",
    ];
    for url in urls {
        let Err(error) = Store::open_url(url, after(2_000)).await else { panic!("{url} was opened") };
        for text in [error.to_string(), format!("{error:?}")] {
            assert!(!text.contains("s3cret"), "{text}");
        }
    }
    let db = open(urls[0]);
    assert_eq!(db.location(), "postgres://ada@127.0.0.1:1/verger");
}

#[test]
fn text_columns_are_told_their_collation_once() {
    let told = dialect("CREATE TABLE t (\n a TEXT NOT NULL,\n b    TEXT,\n c BIGINT, d TEXT\n)".into());
    let expected = "CREATE TABLE t (\n a TEXT COLLATE \"C\" NOT NULL,\n b    TEXT COLLATE \"C\",\n c BIGINT, d TEXT COLLATE \"C\"\n)";
    assert_eq!(told, expected);
    assert_eq!(dialect("INSERT INTO t VALUES (' TEXT ')".into()), "INSERT INTO t VALUES (' TEXT ')");
}

#[tokio::test(flavor = "multi_thread")]
async fn certificate_is_checked_as_far_as_sslmode_says() {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    let Some(cluster) = Cluster::start(&[]) else { return };
    let authority = |name: &str| {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        (certificate.pem(), Issuer::new(params, key))
    };
    let ((ours, issuer), (theirs, _)) = (authority("ours.example"), authority("theirs.example"));
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (ours_file, theirs_file) = (folder.path().join("ours.pem"), folder.path().join("theirs.pem"));
    std::fs::write(&ours_file, ours).unwrap();
    std::fs::write(&theirs_file, theirs).unwrap();
    for (name, text) in [("server.crt", certificate.pem()), ("server.key", key.serialize_pem())] {
        let file = cluster.path(name);
        std::fs::write(&file, text).unwrap();
        cluster.give(&file);
    }
    let database = cluster.database();
    let plain = cluster.url(&database);
    assert!(
        Store::open_url(&format!("{plain}?sslmode=require"), far()).await.is_err(),
        "there is no TLS yet"
    );
    for (name, setting) in [("ssl_cert_file", "server.crt"), ("ssl_key_file", "server.key")] {
        let file = cluster.path(setting);
        cluster.sql("postgres", &format!("ALTER SYSTEM SET {name} = '{}'", file.display()));
    }
    cluster.sql("postgres", "ALTER SYSTEM SET ssl = on");
    cluster.sql("postgres", "SELECT pg_reload_conf()");
    let deadline = far();
    while cluster.sql("postgres", "SHOW ssl") != "on" {
        assert!(Instant::now() < deadline);
    }
    let by_name = plain.replace("127.0.0.1", "localhost");
    let (ours, theirs) = (ours_file.display(), theirs_file.display());
    // The certificate is for the address, not for the name.
    let cases = [
        (format!("{plain}?sslmode=disable"), Some("false")),
        (plain.clone(), Some("true")),
        (format!("{plain}?sslmode=require"), Some("true")),
        (format!("{plain}?sslmode=require&sslrootcert={ours}"), Some("true")),
        (format!("{plain}?sslmode=require&sslrootcert={theirs}"), None),
        (format!("{by_name}?sslmode=verify-ca&sslrootcert={ours}"), Some("true")),
        (format!("{plain}?sslmode=verify-ca&sslrootcert={theirs}"), None),
        (format!("{plain}?sslmode=verify-full&sslrootcert={ours}"), Some("true")),
        (format!("{by_name}?sslmode=verify-full&sslrootcert={ours}"), None),
        (format!("{plain}?sslmode=verify-full&sslrootcert={theirs}"), None),
    ];
    for (url, expected) in cases {
        let Some(expected) = expected else {
            let refused = Store::open_url(&url, far()).await.err();
            let why = refused.unwrap_or_else(|| panic!("{url} was opened")).to_string();
            assert!(why.contains("certificate"), "{url}: {why}");
            continue;
        };
        let db = open(&url);
        let query =
            Query::new("SELECT CAST(ssl AS TEXT) FROM pg_stat_ssl WHERE pid = pg_backend_pid()", vec![]);
        let rows = db.snapshot(Reach::Point, vec![query], far()).await.unwrap();
        assert_eq!(rows, [[[Value::from(expected)]]], "{url}");
    }
}

/// CVE-2021-23222 and its kind: somebody on the way adds messages behind the consent to TLS, hoping that they count as the
/// server's own.
#[tokio::test(flavor = "multi_thread")]
async fn what_comes_behind_the_consent_to_tls_is_never_taken_for_the_server() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    // AuthenticationOk, ReadyForQuery.
    const ADDED: &[u8] = b"SR\0\0\0\x08\0\0\0\0Z\0\0\0\x05I";
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 8];
        stream.read_exact(&mut request).await.unwrap();
        stream.write_all(ADDED).await.unwrap();
        let mut heard = Vec::new();
        // However the client ends it, the test looks at what it said.
        let _ = stream.read_to_end(&mut heard).await;
        (request, heard)
    });
    let db = open(&format!("postgres://verger:hunter2@127.0.0.1:{port}/verger?sslmode=require"));
    let answer = db.snapshot(Reach::Point, vec![Query::new("SELECT 1", vec![])], after(2_000)).await;
    assert_unavailable(answer);
    drop(db);
    let (request, heard) = tokio::time::timeout(LIMIT * 5, heard).await.unwrap().unwrap();
    assert_eq!(request, [0, 0, 0, 8, 4, 210, 22, 47], "the request for TLS");
    assert_eq!(heard.first(), Some(&0x16), "a TLS handshake, and nothing else");
    for secret in ["hunter2", "verger"] {
        assert!(!heard.windows(secret.len()).any(|part| part == secret.as_bytes()), "{secret}");
    }
}
