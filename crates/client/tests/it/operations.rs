//! Every operation of the server has a typed method.

use std::collections::BTreeSet;
use verger_client::testing::MockTransport;
use verger_client::{AttemptVerificationParams, ReplayWebhooksParams, Request, UnixMillis};

type Seen = BTreeSet<(String, String, String)>;

fn add<T>(seen: &mut Seen, request: Request<T>) {
    let is_new =
        seen.insert((request.operation().into(), request.method().as_str().into(), request.route().into()));
    assert!(is_new, "{request:?} stands here twice");
}

fn typed() -> Seen {
    let client = MockTransport::new().client();
    let (phones, emails, users) = (client.phone_numbers(), client.email_addresses(), client.users());
    let code = AttemptVerificationParams::default;
    let mut seen = Seen::new();
    add(&mut seen, phones.create_phone_number(Default::default()));
    add(&mut seen, phones.get_phone_number("i"));
    add(&mut seen, phones.update_phone_number("i", Default::default()));
    add(&mut seen, phones.delete_phone_number("i"));
    add(&mut seen, phones.prepare_phone_number_verification("i"));
    add(&mut seen, phones.attempt_phone_number_verification("i", code()));
    add(&mut seen, phones.get_phone_number_details("i"));
    add(&mut seen, emails.create_email_address(Default::default()));
    add(&mut seen, emails.get_email_address("i"));
    add(&mut seen, emails.update_email_address("i", Default::default()));
    add(&mut seen, emails.delete_email_address("i"));
    add(&mut seen, emails.prepare_email_address_verification("i"));
    add(&mut seen, emails.attempt_email_address_verification("i", code()));
    add(&mut seen, users.get_user_list(Default::default()));
    add(&mut seen, users.get_count(Default::default()));
    add(&mut seen, users.get_user("u"));
    add(&mut seen, users.create_user(Default::default()));
    add(&mut seen, users.update_user("u", Default::default()));
    add(&mut seen, users.delete_user("u"));
    add(&mut seen, users.update_user_metadata("u", Default::default()));
    add(&mut seen, users.replace_user_metadata("u", Default::default()));
    add(&mut seen, users.replace_user_phone_number("u", Default::default()));
    add(&mut seen, users.replace_user_email_address("u", Default::default()));
    add(&mut seen, users.ban_user("u"));
    add(&mut seen, users.unban_user("u"));
    add(&mut seen, users.lock_user("u"));
    add(&mut seen, users.unlock_user("u"));
    add(&mut seen, users.ban_users(&[]));
    add(&mut seen, users.unban_users(&[]));
    add(&mut seen, users.disable_user_mfa("u"));
    let endpoints = client.webhook_endpoints();
    add(&mut seen, endpoints.create_webhook_endpoint(Default::default()));
    add(&mut seen, endpoints.list_webhook_endpoints());
    add(&mut seen, endpoints.get_webhook_endpoint("w"));
    add(&mut seen, endpoints.update_webhook_endpoint("w", Default::default()));
    add(&mut seen, endpoints.delete_webhook_endpoint("w"));
    add(&mut seen, endpoints.rotate_webhook_secret("w", Default::default()));
    add(&mut seen, endpoints.test_webhook_endpoint("w"));
    let since = ReplayWebhooksParams { since: UnixMillis(0), all: false, after: None };
    add(&mut seen, endpoints.replay_webhooks("w", since));
    add(&mut seen, endpoints.list_webhook_deliveries("w", Default::default()));
    add(&mut seen, client.deliveries().list_deliveries(Default::default()));
    add(&mut seen, client.deliveries().get_delivery("m"));
    add(&mut seen, client.events().follow_events(None));
    add(&mut seen, client.audit_log().list_audit_log(Default::default()));
    add(&mut seen, client.messages().list_messages(Default::default()));
    add(&mut seen, client.clock().advance_clock(Default::default()));
    add(&mut seen, client.instances().reset());
    seen
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
