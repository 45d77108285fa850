//! Deadlines and plans of queries.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn long_queries_end_at_their_deadline_and_keep_nothing() {
    let Some(cluster) = Cluster::shared() else { return };
    let (db, database) = counter(cluster).await;
    let sleep = || vec![Query::new("SELECT CAST(pg_sleep(60) AS TEXT)", vec![])];
    for reach in [Reach::Point, Reach::Scan] {
        let begun = Instant::now();
        let (one, two, three, four) = tokio::join!(
            db.snapshot(reach, sleep(), begun + LIMIT),
            db.snapshot(reach, sleep(), begun + LIMIT),
            // There is no connection left for these long ones.
            db.snapshot(Reach::Scan, sleep(), begun + LIMIT),
            db.snapshot(Reach::Scan, sleep(), begun + LIMIT),
        );
        for answer in [one, two, three, four] {
            assert_unavailable(answer);
        }
        assert!(begun.elapsed() < LIMIT + SLACK, "{:?}", begun.elapsed());
        let again = db.snapshot(reach, vec![Query::new("SELECT 1", vec![])], far()).await.unwrap();
        assert_eq!(again, [[[Value::Int(1)]]]);
    }
    let running = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}' AND state = 'active'
         AND query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()"
    );
    let deadline = far();
    while block_in_place(|| cluster.sql("postgres", &running)) != "0" {
        assert!(Instant::now() < deadline, "queries that nobody waits for go on");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn text_with_nul_finds_nothing_and_is_not_stored() {
    let Some(cluster) = Cluster::shared() else { return };
    let (db, _) = counter(cluster).await;
    db.batch(vec![insert("a")], far()).await.unwrap();
    for id in ["a\0", "\0", "\0a"] {
        for reach in [Reach::Point, Reach::Scan] {
            let query = Query::new("SELECT id FROM counter WHERE id = $1", vec![id.into()]);
            assert_eq!(db.snapshot(reach, vec![query], far()).await.unwrap(), [Vec::<Row>::new()]);
        }
        let refused = db.batch(vec![insert(id)], far()).await;
        assert!(matches!(refused, Err(StoreError::Bug(_))), "{refused:?}");
    }
    assert_eq!(ids(&db).await, ["a".to_owned()].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_ours_is_compiled_whatever_the_server_is_set_to() {
    let Some(cluster) = Cluster::start(&["jit=on", "jit_above_cost=0"]) else { return };
    let database = cluster.database();
    cluster.sql(
        &database,
        "CREATE TABLE seen (id BIGSERIAL PRIMARY KEY, how TEXT, jit TEXT DEFAULT current_setting('jit'))",
    );
    let db = open(&cluster.url(&database));
    let select = || Query::new("SELECT current_setting('jit')".to_owned(), vec![]);
    for reach in [Reach::Point, Reach::Quick(0), Reach::Quick(10), Reach::Scan, Reach::Job] {
        for queries in [vec![select()], vec![select(), select()]] {
            for rows in db.snapshot(reach, queries, far()).await.unwrap() {
                assert_eq!(rows, [[Value::from("off")]], "{reach:?}");
            }
        }
    }
    let insert = |how: &str| Stmt::new("INSERT INTO seen (how) VALUES ($1)", vec![how.into()]);
    let in_lanes = (0..20).map(|_| db.batch(vec![insert("lane")], far()));
    for answer in futures_util::future::join_all(in_lanes).await {
        answer.unwrap();
    }
    let alone = Stmt::new("INSERT INTO seen (how) VALUES ('alone')".to_owned(), vec![]);
    db.batch(vec![alone], far()).await.unwrap();
    assert_eq!(db.apply(&[insert("schema")], far()).await.unwrap(), Applied::Done);
    let seen = cluster.sql(&database, "SELECT jit, count(*) FROM seen GROUP BY jit");
    assert_eq!(seen, "off|22");
}

#[tokio::test(flavor = "multi_thread")]
async fn simultaneous_searches_of_an_instance_are_tried_once_until_it_is_known_that_they_are_long() {
    const SEARCHES: u64 = 4;
    let Some(cluster) = Cluster::shared() else { return };
    let store = Store::open_url(&cluster.url(&cluster.database()), far()).await.unwrap();
    let instance = InstanceId::from("ins_long".to_owned());
    let scoped = store.instance(&instance);
    let before = store.reads();
    let search = || {
        let long = Query::new("SELECT 1 FROM pg_sleep(0.4)".to_owned(), vec![]);
        scoped.read(Bound::None, long, far())
    };
    for found in futures_util::future::join_all((0..SEARCHES).map(|_| search())).await {
        assert_eq!(found.unwrap(), [[Value::Int(1)]]);
    }
    assert_eq!(store.reads() - before, 1 + SEARCHES);
}
