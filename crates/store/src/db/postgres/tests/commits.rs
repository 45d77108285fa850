//! What is committed together, and what each batch of it is told.

use super::load::*;
use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn refused_batch_leaves_nothing_and_spoils_no_neighbour() {
    let Some(cluster) = Cluster::shared() else { return };
    let (db, _) = counter(cluster).await;
    let db = Arc::new(db);
    db.batch(vec![insert("taken")], far()).await.unwrap();
    let tasks: Vec<_> = (0..200)
        .map(|round| {
            let db = Arc::clone(&db);
            tokio::spawn(async move {
                // Some write one good row and then one that is taken, some change a row that is not there.
                let (first, second) = (insert(&format!("a{round}")), format!("b{round}"));
                let answer = match round % 8 {
                    0 => db.batch(vec![first, insert("taken")], far()).await,
                    4 => db.batch(vec![first, increment("nobody")], far()).await,
                    _ => db.batch(vec![first, insert(&second)], far()).await,
                };
                match (round % 8, answer) {
                    (0, Err(StoreError::Conflict(Conflict::KeyExists)))
                    | (4, Err(StoreError::Conflict(Conflict::Stale)))
                    | (1..=3 | 5..=7, Ok(())) => {}
                    (_, answer) => panic!("round {round}: {answer:?}"),
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(ids(&db).await.len(), 1 + 2 * 150);
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_batches_are_committed_together() {
    const BATCHES: usize = 400;
    let Some(cluster) = Cluster::shared() else { return };
    let (db, database) = counter(cluster).await;
    let ids: Vec<_> = (0..BATCHES).map(|at| format!("r{at}")).collect();
    let batches = ids.iter().map(|id| db.batch(vec![insert(id)], far()));
    for answer in futures_util::future::join_all(batches).await {
        answer.unwrap();
    }
    // Every row has the number of its transaction.
    let sql = "SELECT count(DISTINCT CAST(xmin AS TEXT)), count(*) FROM counter";
    let counts = block_in_place(|| cluster.sql(&database, sql));
    let (transactions, rows) = counts.split_once('|').unwrap();
    assert_eq!(rows, BATCHES.to_string());
    let transactions: usize = transactions.parse().unwrap();
    assert!((4..=40).contains(&transactions), "{transactions} transactions of at most 128 batches");
    // And that of its statement: equal ones went as one.
    let sql = "SELECT count(DISTINCT CAST(xmin AS TEXT) || ' ' || CAST(cmin AS TEXT)) FROM counter";
    assert_eq!(block_in_place(|| cluster.sql(&database, sql)), transactions.to_string());
}

/// What was merged and failed is told to the batch that is to blame, and to no other.
#[tokio::test(flavor = "multi_thread")]
async fn merged_batches_are_answered_one_by_one() {
    let Some(cluster) = Cluster::shared() else { return };
    let (db, database) = counter(cluster).await;
    for id in ["taken", "much"] {
        db.batch(vec![insert(id)], far()).await.unwrap();
    }
    let batches = (0..240).map(|at| {
        let statements = match at % 4 {
            0 => vec![insert(&format!("r{at}"))],
            // One row for many batches: each counts.
            1 => vec![increment("much")],
            2 if at % 3 == 0 => vec![insert("taken")],
            2 => vec![insert(&format!("r{at}")), increment("much")],
            _ if at % 3 == 0 => vec![insert(&format!("r{at}")), increment("nobody")],
            _ => vec![insert(&format!("\\{{\"{at}\",NULL}}")), increment("taken")],
        };
        db.batch(statements, far())
    });
    let answers = futures_util::future::join_all(batches).await;
    for (at, answer) in answers.into_iter().enumerate() {
        match (at % 4, at % 3) {
            (2, 0) => assert!(matches!(answer, Err(StoreError::Conflict(Conflict::KeyExists))), "{answer:?}"),
            (3, 0) => assert!(matches!(answer, Err(StoreError::Conflict(Conflict::Stale))), "{answer:?}"),
            _ => answer.unwrap(),
        }
    }
    let sql = "SELECT (SELECT n FROM counter WHERE id = 'much'), (SELECT n FROM counter WHERE id = 'taken'), count(*),
        (SELECT count(*) FROM counter WHERE id LIKE '%,NULL}') FROM counter";
    assert_eq!(block_in_place(|| cluster.sql(&database, sql)), "101|41|142|40");
}

/// A batch that its caller has given up is taken out of a transaction that is under way.
#[tokio::test(flavor = "multi_thread")]
async fn batch_that_was_taken_back_is_not_committed_with_its_neighbours() {
    let Some(cluster) = Cluster::shared() else { return };
    let (db, _) = counter(cluster).await;
    let slow = |id: &str| {
        let sql = "INSERT INTO counter (id, n) SELECT CAST($1 AS TEXT), 1 FROM pg_sleep(0.6)";
        vec![Stmt::new(sql, vec![id.into()])]
    };
    // Both lanes have something to do, so that what comes next waits and goes together.
    let (one, two, (hasty, three)) = tokio::join!(
        db.batch(slow("one"), far()),
        async {
            // Not in one transaction with the first.
            tokio::time::sleep(Duration::from_millis(50)).await;
            db.batch(slow("two"), far()).await
        },
        async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            tokio::join!(db.batch(vec![insert("hasty")], after(700)), db.batch(slow("three"), far()))
        },
    );
    for answer in [one, two, three] {
        answer.unwrap();
    }
    let Err(StoreError::Unavailable(why)) = hasty else { panic!("{hasty:?}") };
    assert!(why.contains("was not done"), "{why}");
    assert_eq!(ids(&db).await, ["one", "three", "two"].map(str::to_owned).into());
}

#[tokio::test(flavor = "multi_thread")]
async fn commit_without_an_answer_is_called_unknown() {
    // Every commit waits for a standby that never comes.
    let settings = ["synchronous_commit=on", "wal_level=replica", "max_wal_senders=4"];
    let Some(cluster) = Cluster::start(&settings) else { return };
    let (db, _) = counter(&cluster).await;
    let set = |names: &str| {
        block_in_place(|| {
            cluster.sql("postgres", &format!("ALTER SYSTEM SET synchronous_standby_names = '{names}'"));
            cluster.sql("postgres", "SELECT pg_reload_conf()");
        });
    };
    set("nobody");
    let mut answer = Ok(());
    let mut last = String::new();
    // The server takes a moment to read its settings.
    for round in 0..100 {
        last = format!("r{round}");
        let begun = Instant::now();
        answer = db.batch(vec![insert(&last)], after(300)).await;
        assert!(begun.elapsed() < Duration::from_millis(300) + SLACK, "{:?}", begun.elapsed());
        if answer.is_err() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(matches!(answer, Err(StoreError::OutcomeUnknown(_))), "{answer:?}");
    set("");
    // It was done after all, which the row tells.
    db.batch(vec![insert("next")], far()).await.unwrap();
    let deadline = far();
    while !ids(&db).await.contains(&last) {
        assert!(Instant::now() < deadline, "neither done nor undone");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn commit_waits_for_the_disk_whatever_the_database_is_set_to() {
    let Some(cluster) = Cluster::shared() else { return };
    for (set, used) in [
        ("off", "on"),
        ("local", "on"),
        ("remote_write", "on"),
        ("on", "on"),
        ("remote_apply", "remote_apply"),
    ] {
        let database = cluster.database();
        let level = "TEXT DEFAULT current_setting('synchronous_commit')";
        cluster.sql(&database, &format!("CREATE TABLE seen (id TEXT PRIMARY KEY, level {level})"));
        cluster.sql(&database, &format!("ALTER DATABASE {database} SET synchronous_commit = {set}"));
        let db = Arc::new(open(&cluster.url(&database)));
        let writing: Vec<_> = (0..20)
            .map(|row| {
                let db = Arc::clone(&db);
                let insert =
                    Stmt::new("INSERT INTO seen (id) VALUES ($1)", vec![format!("{set}{row}").into()]);
                tokio::spawn(async move { db.batch(vec![insert], far()).await })
            })
            .collect();
        for batch in writing {
            batch.await.unwrap().unwrap();
        }
        // The statement of a batch that is tried alone.
        let alone = Stmt::new("INSERT INTO seen (id) VALUES ('alone')".to_owned(), vec![]);
        db.batch(vec![alone], far()).await.unwrap();
        let seen = cluster.sql(&database, "SELECT level || ' ' || count(*) FROM seen GROUP BY level");
        assert_eq!(seen, format!("{used} 21"), "{set}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn warnings_on_other_connections_make_no_commit_unknown() {
    let Some(cluster) = Cluster::shared() else { return };
    let (db, database) = counter(cluster).await;
    cluster.sql(
        "postgres",
        &format!("UPDATE pg_database SET datcollversion = '1' WHERE datname = '{database}'"),
    );
    let (db, is_over, done) = (Arc::new(db), Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
    let writing = {
        let (db, is_over, done) = (Arc::clone(&db), Arc::clone(&is_over), Arc::clone(&done));
        tokio::spawn(async move { write_until(&db, &is_over, &done).await })
    };
    let mut warnings = 0;
    for _ in 0..100 {
        let pool = db.link.pool(1).unwrap();
        warnings += pool.get().await.unwrap().warnings();
    }
    is_over.store(true, Ordering::Relaxed);
    let told = writing.await.unwrap();
    assert!(warnings > 0 && !told.done.is_empty(), "nobody was warned: {warnings}");
    assert_eq!((told.unknown, told.refused), (BTreeSet::new(), BTreeSet::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn commit_that_was_not_waited_for_to_its_end_has_an_unknown_outcome() {
    let waits = ["wal_level=replica", "max_wal_senders=4", "synchronous_commit=on"];
    let Some(cluster) = Cluster::start(&waits) else { return };
    let (db, database) = counter(&cluster).await;
    cluster.sql("postgres", "ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
    cluster.sql("postgres", "SELECT pg_reload_conf()");
    let writing = tokio::spawn(async move { db.batch(vec![insert("here")], far()).await });
    let cancel = "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
    let deadline = far();
    while block_in_place(|| cluster.sql("postgres", cancel)) == "0" {
        assert!(Instant::now() < deadline, "nobody waits for the standby");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let answer = writing.await.unwrap();
    assert!(matches!(answer, Err(StoreError::OutcomeUnknown(_))), "{answer:?}");
    assert_eq!(cluster.sql(&database, "SELECT count(*) FROM counter"), "1");
}

/// A list of keys as long as a small table would be a walk through it, which keeps all of its rows from everybody else.
#[tokio::test(flavor = "multi_thread")]
async fn only_statements_that_name_keys_are_planned_to_look_them_up() {
    let Some(cluster) = Cluster::shared() else { return };
    let (db, database) = counter(cluster).await;
    db.batch(vec![insert("named"), insert("listed")], far()).await.unwrap();
    let sql = "CREATE TABLE plans (id TEXT PRIMARY KEY, seqscan TEXT)".to_owned();
    db.batch(vec![Stmt::new(sql, vec![])], far()).await.unwrap();
    let head = "INSERT INTO plans SELECT id, current_setting('enable_seqscan') FROM counter WHERE id";
    db.batch(crate::db::by_keys(head, &[], &["listed".into()]), far()).await.unwrap();
    db.batch(vec![Stmt::new(format!("{head} = $1"), vec!["named".into()])], far()).await.unwrap();
    let plans = block_in_place(|| cluster.sql(&database, "SELECT id, seqscan FROM plans ORDER BY id"));
    assert_eq!(plans, "listed|off\nnamed|on");
}
