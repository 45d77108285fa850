//! Switching over to another primary.

use super::*;

/// Leads connections to one server and then to another, and lets those that there are go on.
async fn forwarder(first: u16) -> (u16, Arc<AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let target = Arc::new(AtomicUsize::new(first.into()));
    let leads_to = Arc::clone(&target);
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let port = u16::try_from(leads_to.load(Ordering::Relaxed)).unwrap();
            tokio::spawn(async move {
                let far = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                let (mut near_read, mut near_write) = near.into_split();
                let (mut far_read, mut far_write) = far.into_split();
                tokio::select! {
                    _ = tokio::io::copy(&mut near_read, &mut far_write) => {}
                    _ = tokio::io::copy(&mut far_read, &mut near_write) => {}
                }
            });
        }
    });
    (port, target)
}

/// Two servers with the same database; the first takes no writes any more, and new connections lead to the second.
async fn switched_over(pool: &str) -> Option<(Cluster, Cluster, Arc<Postgres>, Arc<AtomicUsize>)> {
    let (old, new) = block_in_place(|| {
        std::thread::scope(|threads| {
            let new = threads.spawn(|| Cluster::start(&[]));
            (Cluster::start(&[]), new.join().unwrap())
        })
    });
    let (old, new) = (old?, new?);
    let (_, database) = counter(&old).await;
    assert_eq!(counter(&new).await.1, database);
    let (port, target) = forwarder(old.port()).await;
    let db = Arc::new(open(&format!("postgres://verger@127.0.0.1:{port}/{database}{pool}")));
    // Every pool has connections that rest.
    for round in 0..4 {
        let reading = (0..8).map(|_| {
            let db = Arc::clone(&db);
            tokio::spawn(async move { ids(&db).await })
        });
        for read in reading.collect::<Vec<_>>() {
            read.await.unwrap();
        }
        db.batch(vec![insert(&format!("old{round}"))], far()).await.unwrap();
    }
    assert_eq!(seen_everywhere(&db, "old0").await, [Some(true); 3]);
    old.sql("postgres", "ALTER SYSTEM SET default_transaction_read_only = on");
    old.sql("postgres", "SELECT pg_reload_conf()");
    target.store(new.port().into(), Ordering::Relaxed);
    Some((old, new, db, target))
}

/// Whether a row is there; `None` if nobody answers.
async fn seen(db: &Postgres, reach: Reach, id: &str) -> Option<bool> {
    let query = Query::new("SELECT id FROM counter WHERE id = $1", vec![id.into()]);
    let rows = db.snapshot(reach, vec![query], after(500)).await.ok()?;
    Some(!rows.first()?.is_empty())
}

/// The same over the connections for each kind of reads.
async fn seen_everywhere(db: &Postgres, id: &str) -> [Option<bool>; 3] {
    let (point, scan, job) =
        tokio::join!(seen(db, Reach::Point, id), seen(db, Reach::Scan, id), seen(db, Reach::Job, id));
    [point, scan, job]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_to_the_new_primary_is_read_from_it() {
    for pool in ["", "?pooler=transaction"] {
        let Some((_old, _new, db, _)) = switched_over(pool).await else { return };
        db.batch(vec![insert("new")], far()).await.unwrap();
        for _ in 0..50 {
            assert_eq!(seen_everywhere(&db, "new").await, [Some(true); 3], "{pool}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn server_on_which_nobody_writes_reads_from_the_new_primary_within_seconds() {
    let Some((_old, new, db, _)) = switched_over("").await else { return };
    // Another server of ours writes there.
    new.sql("test_0", "INSERT INTO counter VALUES ('theirs', 1)");
    let deadline = after(10_000);
    for reach in [Reach::Point, Reach::Scan, Reach::Job] {
        while seen(&db, reach, "theirs").await != Some(true) {
            assert!(Instant::now() < deadline, "it goes on to read from the old one");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connection_to_the_old_primary_is_refused_once_the_new_one_is_known() {
    let Some((old, _new, db, target)) = switched_over("").await else { return };
    db.batch(vec![insert("new")], far()).await.unwrap();
    // A name that is not up to date leads back.
    target.store(old.port().into(), Ordering::Relaxed);
    db.link.primary.doubt();
    for _ in 0..20 {
        let seen = seen_everywhere(&db, "new").await;
        assert!(!seen.contains(&Some(false)), "{seen:?}");
    }
    assert_unavailable(db.batch(vec![insert("lost")], after(500)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn write_is_proved_only_where_writes_come_through() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    let database = cluster.database();
    let store = Store::open_url(&cluster.url(&database), far()).await.unwrap();
    store.migrate(verger_wire::UnixMillis(1), far()).await.unwrap();
    store.prove_writable(far()).await.unwrap();
    let (proved_at, outcome) = store.last_commit().unwrap();
    outcome.unwrap();
    let empty = Stmt::new("DELETE FROM claims", vec![]);
    store.batch(vec![empty], far()).await.unwrap();
    assert_eq!(store.last_commit().unwrap().0, proved_at, "a commit of nothing proves nothing");
    cluster.sql("postgres", "ALTER SYSTEM SET default_transaction_read_only = on");
    cluster.sql("postgres", "SELECT pg_reload_conf()");
    store.prove_writable(after(1_000)).await.unwrap_err();
    let why = store.last_commit().unwrap().1.unwrap_err();
    assert!(why.contains("read-only"), "{why}");
}
