//! What the embedded document describes is what the router answers.

use crate::openapi_agreement::our_document;
use std::collections::BTreeSet;
use verger_server::operations::OPERATIONS;
use verger_server::router::{ROUTES, page_operations};

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

#[test]
fn documented_operations_are_the_routes() {
    let mut documented = BTreeSet::new();
    for (path, item) in our_document()["paths"].as_object().unwrap() {
        for method in METHODS {
            if let Some(operation) = item.get(method) {
                let id = operation["operationId"].as_str().unwrap().to_owned();
                documented.insert((path.clone(), method.to_uppercase(), id));
            }
        }
    }
    let mut routed: BTreeSet<_> = ROUTES
        .iter()
        .copied()
        .chain(page_operations())
        .map(|route| (route.path.to_owned(), route.method.to_owned(), route.operation_id.to_owned()))
        .collect();
    // It has no secret key, and so a way of its own through the router.
    let callback = ("/verger/v1/callbacks/twilio", "POST", "VergerTwilioCallback");
    routed.insert((callback.0.to_owned(), callback.1.to_owned(), callback.2.to_owned()));
    assert_eq!(documented, routed);
}

#[test]
fn routes_under_v1_are_published_operations() {
    for route in ROUTES.iter().filter(|route| route.path.starts_with("/v1/")) {
        let published = OPERATIONS.iter().find(|operation| operation.operation_id == route.operation_id);
        let published = published.unwrap_or_else(|| panic!("{} is not published", route.operation_id));
        assert_eq!(
            (published.method, format!("/v1{}", published.path)),
            (route.method, route.path.to_owned()),
            "{}",
            route.operation_id
        );
    }
}
