//! Every operation of the server has a typed method.

use std::collections::BTreeSet;
use verger_client::Request;
use verger_client::testing::MockTransport;

type Seen = BTreeSet<(String, String, String)>;

fn key<T>(request: Request<T>) -> (String, String, String) {
    (request.operation().into(), request.method().as_str().into(), request.route().into())
}

/// The rows of the table, each of which the generator writes a method for with an example that is run, and the methods
/// that are written by hand.
fn typed() -> Seen {
    let client = MockTransport::new().client();
    let by_hand = [
        key(client.users().get_count(Default::default())),
        key(client.users().ban_users(&[])),
        key(client.users().unban_users(&[])),
        key(client.invitations().create_bulk_invitations(&[])),
        key(client.events().follow_events(None)),
        key(client.clock().advance_clock(Default::default())),
    ];
    let rows = verger_server::router::ROUTES.iter().filter_map(|route| {
        let ids = vec!["i"; route.path.matches('{').count()];
        client.operation(route.operation_id, &ids).map(key)
    });
    let rows: Seen = rows.collect();
    for by_hand in by_hand {
        assert!(rows.contains(&by_hand), "{by_hand:?} is not in the table");
    }
    rows
}

#[test]
fn every_route_of_the_server_has_a_typed_method() {
    let typed = typed();
    let routes: Seen = verger_server::router::ROUTES
        .iter()
        .map(|route| (route.operation_id.into(), route.method.into(), route.path.into()))
        .collect();
    let missing: Vec<_> = routes.difference(&typed).collect();
    assert!(missing.is_empty(), "without a typed method: {missing:#?}");
    // What the client has beyond the server is documented.
    for (id, method, route) in typed.difference(&routes) {
        let is_documented = verger_server::operations::OPERATIONS.iter().any(|operation| {
            operation.operation_id == id
                && operation.method == method
                && Some(operation.path) == route.strip_prefix("/v1")
        });
        assert!(is_documented, "{id} {method} {route}");
    }
}
