//! Searches of one instance stand before nobody else's lists.

use super::fixtures::{endpoint, event, fan_out_all, write_events};
use super::support::*;
use crate::db::Query;
use crate::long_reads::Bound;
use crate::{AuditFilter, Direction, Sign, Store, StoreError, UserFilter, UserPage};
use std::time::{Duration, Instant};
use verger_core::User;
use verger_core::user::IdentificationStatus;

/// More users than an index look-up may read, and than a test wants to make one by one.
const USERS: i64 = 40_000;

fn endless() -> Query {
    let sql = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT COUNT(*) FROM n";
    Query::new(sql, vec![])
}

async fn populate(store: &Store) {
    execute(
        store,
        &format!(
            "INSERT INTO users (instance_id, id, version, external_id, username, username_folded, name_folded,
                public_metadata, private_metadata, unsafe_metadata, delete_self_enabled, create_organization_enabled,
                bypass_client_trust, created_at, updated_at)
             SELECT 'ins_ours', 'user_' || CAST(i AS TEXT), 1, 'x' || CAST(i AS TEXT), 'n' || CAST(i AS TEXT),
                'n' || CAST(i AS TEXT), '', '{{}}', '{{}}', '{{}}', 1, 1, 0, i, i
             FROM (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {USERS}) SELECT i FROM n) m"
        ),
    )
    .await;
    for (kind, prefix) in [("external_id", "x"), ("username", "n")] {
        execute(
            store,
            &format!(
                "INSERT INTO claims SELECT instance_id, '{kind}', '{prefix}' || substr(id, 6), id, '' FROM users"
            ),
        )
        .await;
    }
    execute(
        store,
        "INSERT INTO identifications (instance_id, id, user_id, kind, identifier, typed, standing, second_factor,
            created_at, updated_at)
         SELECT instance_id, 'idn_' || substr(id, 6), id, 'email_address', substr(id, 6) || '@example.com', '', 'unverified',
            'no', created_at, created_at FROM users",
    )
    .await;
}

/// Filters whose users an index leads to.
fn by_key() -> Vec<UserFilter> {
    let text = |text: &str| Some(vec![text.to_owned()]);
    let included = |text: &str| Some(vec![(Sign::Include, text.to_owned())]);
    let none = UserFilter::default;
    vec![
        UserFilter { email_addresses: text("77@example.com"), ..none() },
        UserFilter { usernames: text("n77"), ..none() },
        UserFilter { external_ids: included("x77"), ..none() },
        UserFilter { user_ids: included("user_77"), ..none() },
        UserFilter { user_ids: included("user_77"), banned: Some(false), ..none() },
    ]
}

/// While twelve searches of one instance wait for each other, every list by key of the others is answered, and of the same
/// instance too.
pub(super) async fn searches_of_one_instance_stand_before_no_list(store: &Store) {
    let (ours, theirs) = ready(store).await;
    populate(store).await;
    let (large, small) = (store.instance(&ours), store.instance(&theirs));
    let user = User {
        external_id: Some("x77".to_owned()),
        ..new_user(vec![(email("77"), IdentificationStatus::Unverified)], &mut env())
    };
    create_all(small, std::slice::from_ref(&user)).await;
    for scoped in [large, small] {
        add_endpoint(scoped, &endpoint("whe_1")).await;
        write_events(scoped, vec![event(1, "user_1", 1, 1)]).await;
        fan_out_all(scoped, 10).await;
    }
    let end = Instant::now() + Duration::from_secs(30);
    let searches = futures_util::future::join_all((0..12).map(|_| large.read(Bound::None, endless(), end)));
    let lists = async {
        for scoped in [large, small] {
            for direction in [Direction::Ascending, Direction::Descending] {
                for limit in [1, 10, 500] {
                    let first = UserPage { direction, ..page(limit) };
                    let users = list(scoped, &UserFilter::default(), &first).await;
                    let after =
                        UserPage { starting_after: users.last().map(|user| user.id.clone()), ..first };
                    list(scoped, &UserFilter::default(), &after).await;
                }
            }
            for filter in by_key() {
                list(scoped, &filter, &page(10)).await;
                scoped.count_users(&filter, far()).await.unwrap();
            }
            scoped.events_after(0, 25, far()).await.unwrap();
            scoped.audit_log_after(0, far()).await.unwrap();
            scoped.audit_log(&AuditFilter::default(), 100, far()).await.unwrap();
            let of_user = AuditFilter { user_id: Some("user_1".into()), ..AuditFilter::default() };
            assert_eq!(scoped.audit_log(&of_user, 100, far()).await.unwrap().len(), 1);
            assert_eq!(scoped.webhook_endpoints(far()).await.unwrap().len(), 1);
            let deliveries = scoped.webhook_deliveries(&"whe_1".into(), None, 100, far()).await.unwrap();
            assert_eq!(deliveries.len(), 1);
            scoped.messages(Some(&"idn_1".into()), 100, far()).await.unwrap();
        }
        // Of a small instance every search is short.
        let parts = UserFilter { query: Some("77@".to_owned()), ..UserFilter::default() };
        assert_eq!(list(small, &parts, &page(10)).await, std::slice::from_ref(&user));
        assert_eq!(small.count_users(&UserFilter::default(), far()).await.unwrap(), 1);
        assert!(small.messages(None, 100, far()).await.unwrap().is_empty());
    };
    tokio::select! {
        biased;
        _ = searches => panic!("a list waited for the searches"),
        () = lists => {}
    }
}

/// What turns out to read everything is stopped, and waits for its turn like a search; the readers stay whole.
pub(super) async fn list_that_reads_too_much_becomes_a_search(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    for rows in [1, 500] {
        let soon = Instant::now() + Duration::from_millis(700);
        let answer = scoped.read(Bound::Rows(rows), endless(), soon).await;
        assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
        // Statements that are kept count on from one use to the next: no later use may end early by that.
        for _ in 0..300 {
            let one = "SELECT COUNT(*) FROM (WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 90)
                SELECT x FROM n) m";
            assert!(store.db.quick(Query::new(one, vec![]), rows, far()).await.unwrap().is_some());
        }
    }
}

pub(super) async fn indexes_lead_to_what_is_listed_by_key(store: &Store) {
    let (ours, _) = ready(store).await;
    populate(store).await;
    let scoped = store.instance(&ours);
    let is_quick = async |filter: &UserFilter, page: &UserPage| {
        let query = scoped.list_query(filter, page, None);
        store.db.quick(query, page.limit, far()).await.unwrap().map(|rows| rows.len())
    };
    for direction in [Direction::Ascending, Direction::Descending] {
        for limit in [1, 100, 500] {
            let some = UserPage { direction, ..page(limit) };
            let found = is_quick(&UserFilter::default(), &some).await;
            assert_eq!(found, Some(usize::try_from(limit * 2).unwrap()), "{some:?}");
        }
        for filter in by_key() {
            let found = is_quick(&filter, &UserPage { direction, ..page(500) }).await;
            assert_eq!(found, Some(2), "{filter:?}");
        }
    }
}
