//! What the SDKs have and no declaration says: names that no rule gives, and what is written by hand.

/// Resources that are not the first segment of the path.
const RESOURCES: &[(&str, &str)] = &[("VergerReset", "instances")];

/// Methods of the Rust SDK that are not the operation id in snake case.
const METHODS: &[(&str, &str)] =
    &[("DisableMFA", "disable_user_mfa"), ("VergerGetPhoneNumber", "get_phone_number_details")];

/// Answers that the SDKs call otherwise than the server.
const ANSWERS: &[(&str, &str)] = &[
    ("AuditLog", "AuditLogPage"),
    ("Clock", "ClockState"),
    ("InboxMessage", "Message"),
    ("MessageDelivery", "Delivery"),
    ("ResetInstance", "InstanceReset"),
    ("VerificationResponse", "CodeVerification"),
    ("WebhookAttempt", "WebhookTest"),
    ("WebhookEndpointWithSecret", "WebhookEndpoint"),
    ("WebhookReplay", "WebhookEndpoint"),
];

/// Operations whose method in the Rust SDK is written by hand: it takes something else than its parameters, or gives
/// something else than its answer.
const BY_HAND: &[&str] =
    &["GetUsersCount", "UsersBan", "UsersUnban", "VergerAdvanceClock", "VergerFollowEvents"];

/// Operations whose answers the Rust SDK has no types for: `Client::request` sends them.
const WITHOUT_TYPES: &[&str] = &[
    "CreateActorToken",
    "CreateAllowlistIdentifier",
    "CreateBlocklistIdentifier",
    "CreateBulkInvitations",
    "CreateInvitation",
    "CreateJWTTemplate",
    "CreateRedirectURL",
    "CreateSessionToken",
    "CreateSessionTokenFromTemplate",
    "CreateSignInToken",
    "CreateTestingToken",
    "DeleteAllowlistIdentifier",
    "DeleteBlocklistIdentifier",
    "DeleteJWTTemplate",
    "DeleteRedirectURL",
    "GetClient",
    "GetClientList",
    "GetInstance",
    "GetInstanceCommunication",
    "GetJWKS",
    "GetJWTTemplate",
    "GetRedirectURL",
    "GetSession",
    "GetSessionList",
    "ListAllowlistIdentifiers",
    "ListBlocklistIdentifiers",
    "ListDomains",
    "ListInvitations",
    "ListJWTTemplates",
    "ListRedirectURLs",
    "RefreshSession",
    "RevokeActorToken",
    "RevokeInvitation",
    "RevokeSession",
    "RevokeSignInToken",
    "UpdateInstance",
    "UpdateInstanceAuthConfig",
    "UpdateInstanceCommunication",
    "UpdateInstanceRestrictions",
    "UpdateJWTTemplate",
    "VergerGetInstance",
    "VergerGetSettings",
    "VergerListSigningKeys",
    "VergerRetireSigningKey",
    "VergerRotateSigningKey",
    "VergerUpdateSettings",
    "VerifyClient",
    "createSession",
];

/// Other names under which the documentation of the Rust SDK finds a method.
const ALIASES: &[(&str, &[&str])] = &[
    ("CreatePhoneNumber", &["add_phone_number"]),
    ("GetPhoneNumber", &["retrieve_phone_number", "fetch_phone_number"]),
    ("UpdatePhoneNumber", &["verify_phone_number", "unverify_phone_number", "set_primary_phone_number"]),
    ("DeletePhoneNumber", &["remove_phone_number"]),
    ("PreparePhoneNumberVerification", &["send_code", "send_sms", "send_phone_code", "prepare_verification"]),
    (
        "AttemptPhoneNumberVerification",
        &["check_code", "verify_code", "verify_phone_code", "attempt_verification"],
    ),
    ("ReplaceUserPhoneNumber", &["set_phone_number", "change_phone_number"]),
    ("CreateEmailAddress", &["add_email_address", "create_email"]),
    ("GetEmailAddress", &["retrieve_email_address", "get_email"]),
    ("UpdateEmailAddress", &["verify_email_address", "unverify_email_address", "set_primary_email_address"]),
    ("DeleteEmailAddress", &["remove_email_address", "delete_email"]),
    (
        "PrepareEmailAddressVerification",
        &["send_code", "send_email", "send_email_code", "prepare_verification"],
    ),
    (
        "AttemptEmailAddressVerification",
        &["check_code", "verify_code", "verify_email_code", "attempt_verification"],
    ),
    ("ReplaceUserEmailAddress", &["set_email_address", "change_email_address"]),
    ("GetUserList", &["list_users", "list", "get_users", "search_users", "find_users"]),
    ("CreateUser", &["add_user", "new_user"]),
    ("GetUser", &["retrieve_user", "fetch_user", "find_user"]),
    ("UpdateUser", &["patch_user", "modify_user"]),
    ("DeleteUser", &["remove_user"]),
    ("UpdateUserMetadata", &["merge_metadata", "patch_metadata", "update_metadata"]),
    ("ReplaceUserMetadata", &["set_metadata", "put_metadata"]),
    ("BanUser", &["block_user"]),
    ("UnbanUser", &["unblock_user"]),
    ("DisableMFA", &["disable_mfa", "reset_mfa", "delete_mfa"]),
    ("VergerListDeliveries", &["get_deliveries", "delivery_status"]),
    ("VergerCreateWebhookEndpoint", &["add_webhook", "create_webhook"]),
    ("VergerListWebhookEndpoints", &["list_webhooks"]),
    ("VergerGetWebhookEndpoint", &["get_webhook"]),
    ("VergerUpdateWebhookEndpoint", &["update_webhook", "enable_webhook", "disable_webhook"]),
    ("VergerDeleteWebhookEndpoint", &["remove_webhook", "delete_webhook"]),
    ("VergerRotateWebhookSecret", &["rotate_secret"]),
    ("VergerTestWebhookEndpoint", &["test_webhook", "send_test_event"]),
    ("VergerReplayWebhooks", &["resend_webhooks", "replay_events"]),
    ("VergerListAuditLog", &["get_audit_log", "list_audit_entries"]),
    ("VergerListMessages", &["inbox", "get_messages", "read_code"]),
    ("VergerReset", &["reset_instance", "empty"]),
];

/// What the documentation of the Rust SDK adds to a description: it is about its own types.
const NOTES: &[(&str, &str)] = &[
    (
        "GetUserList",
        "One page. For all users: [`stream_user_list`](Users::stream_user_list), or the iterator of `blocking`.",
    ),
    ("UpdateUser", "A field that can be removed is removed by [`Patch::Null`](crate::Patch::Null)."),
    (
        "VergerCreateWebhookEndpoint",
        "The body that an endpoint receives reads as an [`Event`](crate::Event). Check its signature first, with any \
         library for Standard Webhooks.",
    ),
    (
        "VergerUpdateWebhookEndpoint",
        "`disabled(false)` brings an endpoint back that failed for days; what it missed comes with \
         [`replay_webhooks`](Self::replay_webhooks).",
    ),
    (
        "VergerTestWebhookEndpoint",
        "**That the endpoint fails is no error**: look at [`delivered`](crate::WebhookTest::delivered).",
    ),
];

/// Examples of the Rust SDK that do not follow from the declared ones: types to import, parameters, and the body.
const EXAMPLES: &[(&str, Example)] = &[(
    "VergerReplayWebhooks",
    Example {
        imports: &["ReplayWebhooksParams", "UnixMillis"],
        params: "ReplayWebhooksParams::new(UnixMillis(1_779_181_200_000))",
        body: r#"{"since":1779181200000,"all":false}"#,
    },
)];

/// What an operation is shown with.
pub(super) struct Example {
    pub(super) imports: &'static [&'static str],
    pub(super) params: &'static str,
    pub(super) body: &'static str,
}

/// Resources that the Node package offers, and the class of their operations: another one where methods by hand
/// extend it.
pub(super) const NODE_RESOURCES: &[(&str, &str)] =
    &[("PhoneNumbers", "PhoneNumbers"), ("EmailAddresses", "EmailAddresses"), ("Users", "UserOperations")];

/// Operations that the official SDK has in another shape than the wire: `packages/node/lib/users.js` has them.
const NODE_BY_HAND: &[&str] =
    &["GetUserList", "GetUsersCount", "CreateUser", "UpdateUser", "UsersBan", "UsersUnban", "DisableMFA"];

/// Methods of the Node package that are not the operation id.
const NODE_METHODS: &[(&str, &str)] = &[("VergerGetPhoneNumber", "getPhoneNumberDetails")];

/// Parameters that the Node package calls otherwise than the Rust SDK.
const NODE_PARAMS: &[(&str, &str)] = &[("MetadataParams", "UserMetadataParams")];

/// Answers that have a class in `packages/node/lib/objects.js`.
pub(super) const NODE_CLASSES: &[&str] =
    &["CodeVerification", "DeletedObject", "EmailAddress", "PhoneNumber", "User"];

fn find<T: Copy>(table: &[(&'static str, T)], key: &str) -> Option<T> {
    table.iter().find(|(name, _)| *name == key).map(|(_, value)| *value)
}

/// Every operation that is named here.
pub(super) fn ids() -> impl Iterator<Item = &'static str> {
    let pairs = [RESOURCES, METHODS, NOTES, NODE_METHODS].into_iter().flatten().map(|(id, _)| *id);
    let aliases = ALIASES.iter().map(|(id, _)| *id);
    let examples = EXAMPLES.iter().map(|(id, _)| *id);
    pairs
        .chain(aliases)
        .chain(examples)
        .chain([BY_HAND, NODE_BY_HAND, WITHOUT_TYPES].into_iter().flatten().copied())
}

pub(super) fn resource(id: &str) -> Option<&'static str> {
    find(RESOURCES, id)
}

pub(super) fn method(id: &str) -> Option<&'static str> {
    find(METHODS, id)
}

pub(super) fn answer(name: &str) -> Option<&'static str> {
    find(ANSWERS, name)
}

pub(super) fn is_by_hand(id: &str) -> bool {
    BY_HAND.contains(&id) || WITHOUT_TYPES.contains(&id)
}

pub(super) fn aliases(id: &str) -> &'static [&'static str] {
    find(ALIASES, id).unwrap_or_default()
}

pub(super) fn note(id: &str) -> Option<&'static str> {
    find(NOTES, id)
}

pub(super) fn example(id: &str) -> Option<&'static Example> {
    EXAMPLES.iter().find(|(name, _)| *name == id).map(|(_, example)| example)
}

pub(super) fn is_by_hand_in_node(id: &str) -> bool {
    NODE_BY_HAND.contains(&id)
}

pub(super) fn node_method(id: &str) -> Option<&'static str> {
    find(NODE_METHODS, id)
}

pub(super) fn node_params(name: &str) -> Option<&'static str> {
    find(NODE_PARAMS, name)
}
