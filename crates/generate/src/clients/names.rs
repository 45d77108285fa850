//! What the SDKs have and no declaration says: names that no rule gives, and what is written by hand.

/// Resources that are not the first segment of the path.
const RESOURCES: &[(&str, &str)] = &[
    ("GetInstance", "instances"),
    ("GetInstanceCommunication", "instances"),
    ("UpdateInstance", "instances"),
    ("UpdateInstanceAuthConfig", "instances"),
    ("UpdateInstanceCommunication", "instances"),
    ("UpdateInstanceRestrictions", "instances"),
    ("VergerGetInstance", "instances"),
    ("VergerReset", "instances"),
];

/// Resources of which the words of their tag say too much, or too little.
const WORDS: &[(&str, &str)] = &[
    ("AllowlistIdentifiers", "Identifiers that may sign up."),
    ("BlocklistIdentifiers", "Identifiers that may not sign up."),
    ("Instances", "The instance that the secret key belongs to."),
    ("Settings", "What the instance is set to, as one document."),
    ("SigningKeys", "The keys that sign the instance's tokens."),
];

/// Methods of the Rust SDK that are not the operation id in snake case.
const METHODS: &[(&str, &str)] = &[
    ("DisableMFA", "disable_user_mfa"),
    ("VergerGetInstance", "get_instance_details"),
    ("VergerGetPhoneNumber", "get_phone_number_details"),
];

/// Parameters that the Rust SDK calls otherwise, or that several operations share.
const PARAMS: &[(&str, &str)] = &[
    ("GetClientListParams", "PageParams"),
    ("ListAllowlistIdentifiersParams", "PageParams"),
    ("ListBlocklistIdentifiersParams", "PageParams"),
    ("ListJWTTemplatesParams", "PageParams"),
    ("ListRedirectURLsParams", "PageParams"),
];

/// Answers that are a page by themselves, and of what.
const PAGES: &[(&str, &str)] = &[("BlocklistIdentifiers", "BlocklistIdentifier"), ("Domains", "Domain")];

/// Answers that the SDKs call otherwise than the server.
const ANSWERS: &[(&str, &str)] = &[
    ("AuditLog", "AuditLogPage"),
    ("Clock", "ClockState"),
    ("InboxMessage", "Message"),
    ("MessageDelivery", "Delivery"),
    ("ResetInstance", "InstanceReset"),
    ("RevokedInvitation", "Invitation"),
    ("Shown", "Invitation"),
    ("ShownUrl", "RedirectUrl"),
    ("VergerInstance", "InstanceDetails"),
    ("VerificationResponse", "CodeVerification"),
    ("WireClient", "UserClient"),
    ("WireSession", "UserSession"),
    ("WireTemplate", "JwtTemplate"),
    ("WebhookAttempt", "WebhookTest"),
    ("WebhookEndpointWithSecret", "WebhookEndpoint"),
    ("WebhookReplay", "WebhookEndpoint"),
];

/// Operations whose method in the Rust SDK is written by hand: it takes something else than its parameters, or gives
/// something else than its answer.
const BY_HAND: &[&str] = &[
    "CreateBulkInvitations",
    "GetUsersCount",
    "UsersBan",
    "UsersUnban",
    "VergerAdvanceClock",
    "VergerFollowEvents",
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
    ("GetSessionList", &["list_sessions"]),
    ("GetSession", &["retrieve_session"]),
    ("createSession", &["sign_in"]),
    ("RevokeSession", &["sign_out", "end_session", "delete_session"]),
    ("CreateSessionToken", &["get_token", "mint_token"]),
    ("CreateSessionTokenFromTemplate", &["get_token", "get_template_token"]),
    ("GetClientList", &["list_clients"]),
    ("CreateSignInToken", &["create_ticket"]),
    ("CreateActorToken", &["impersonate"]),
    ("CreateInvitation", &["invite"]),
    ("UpdateInstanceAuthConfig", &["update_instance_settings", "update_beta_settings"]),
    ("VergerUpdateSettings", &["patch_settings", "change_settings"]),
    ("VergerRotateSigningKey", &["create_signing_key"]),
    ("DeleteTOTP", &["delete_user_totp", "remove_totp"]),
    ("DeleteBackupCode", &["delete_user_backup_codes", "delete_backup_codes"]),
    ("SetUserPasswordCompromised", &["set_password_compromised"]),
    ("UnsetUserPasswordCompromised", &["unset_password_compromised"]),
    ("RemoveUserPassword", &["delete_password"]),
];

/// What the documentation of the Rust SDK adds to a description: it is about its own types.
const NOTES: &[(&str, &str)] = &[
    ("RefreshSession", "An [`Authenticator`](crate::Authenticator) does this by itself."),
    (
        "VergerUpdateSettings",
        "What is not named stays as it is. [`Patch::Null`](crate::Patch::Null) sets a whole group back to its defaults.",
    ),
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
const EXAMPLES: &[(&str, Example)] = &[
    ("CreateJWTTemplate", JWT_TEMPLATE),
    ("UpdateJWTTemplate", JWT_TEMPLATE),
    (
        "UpdateInstance",
        Example {
            imports: &["UpdateInstanceParams"],
            params: r#"UpdateInstanceParams::new().allowed_origins(["https://app.example.com"])"#,
            body: r#"{"allowed_origins":["https://app.example.com"]}"#,
        },
    ),
    (
        "UpdateInstanceCommunication",
        Example {
            imports: &["UpdateInstanceCommunicationParams"],
            params: r#"UpdateInstanceCommunicationParams::new().blocked_country_codes(["NG"])"#,
            body: r#"{"blocked_country_codes":["NG"]}"#,
        },
    ),
    (
        "VergerReplayWebhooks",
        Example {
            imports: &["ReplayWebhooksParams", "UnixMillis"],
            params: "ReplayWebhooksParams::new(UnixMillis(1_779_181_200_000))",
            body: r#"{"since":1779181200000,"all":false}"#,
        },
    ),
    (
        "VergerRotateSigningKey",
        Example {
            imports: &["RotateSigningKeyParams", "UnixMillis"],
            params: "RotateSigningKeyParams::new().signs_at(UnixMillis(1_779_181_200_000))",
            body: r#"{"signs_at":1779181200000}"#,
        },
    ),
    (
        "VergerRetireSigningKey",
        Example {
            imports: &["RetireSigningKeyParams"],
            params: "RetireSigningKeyParams::new().now(true)",
            body: r#"{"now":true}"#,
        },
    ),
];

const JWT_TEMPLATE: Example = Example {
    imports: &["JwtTemplateParams"],
    params: r#"JwtTemplateParams::new("billing", [("plan", "{{user.public_metadata.plan}}")]).lifetime(60)"#,
    body: r#"{"name":"billing","claims":{"plan":"{{user.public_metadata.plan}}"},"lifetime":60}"#,
};

/// What an operation is shown with.
pub(super) struct Example {
    pub(super) imports: &'static [&'static str],
    pub(super) params: &'static str,
    pub(super) body: &'static str,
}

/// Resources that the Node package offers, and the class of their operations: another one where methods by hand
/// extend it.
pub(super) const NODE_RESOURCES: &[(&str, &str)] = &[
    ("PhoneNumbers", "PhoneNumbers"),
    ("EmailAddresses", "EmailAddresses"),
    ("Users", "UserOperations"),
    ("Sessions", "SessionOperations"),
    ("Clients", "ClientOperations"),
    ("JwtTemplates", "JwtTemplateOperations"),
    ("SignInTokens", "SignInTokens"),
    ("ActorTokens", "ActorTokens"),
    ("TestingTokens", "TestingTokens"),
    ("Jwks", "Jwks"),
    ("Invitations", "InvitationOperations"),
    ("AllowlistIdentifiers", "AllowlistIdentifiers"),
    ("BlocklistIdentifiers", "BlocklistIdentifiers"),
    ("RedirectUrls", "RedirectUrls"),
    ("Instances", "InstanceOperations"),
    ("Domains", "Domains"),
];

/// Operations that the official SDK has in another shape than the wire: `packages/node/lib/users.js` and
/// `lib/sign_in.js` have them. `startVerger()` resets.
const NODE_BY_HAND: &[&str] = &[
    "CreateBulkInvitations",
    "CreateSessionToken",
    "CreateSessionTokenFromTemplate",
    "CreateUser",
    "DeleteBackupCode",
    "DeleteTOTP",
    "DisableMFA",
    "GetUserList",
    "GetUsersCount",
    "RefreshSession",
    "UpdateJWTTemplate",
    "UpdateUser",
    "UsersBan",
    "UsersUnban",
    "VergerReset",
    "VerifyClient",
    "VerifyPassword",
    "VerifyTOTP",
];

/// Methods of the Node package that are not the operation id.
const NODE_METHODS: &[(&str, &str)] = &[
    ("CreateActorToken", "create"),
    ("CreateJWTTemplate", "create"),
    ("CreateRedirectURL", "createRedirectUrl"),
    ("DeleteJWTTemplate", "delete"),
    ("DeleteRedirectURL", "deleteRedirectUrl"),
    ("GetInstance", "get"),
    ("GetInstanceCommunication", "getCommunication"),
    ("GetJWKS", "getJwks"),
    ("GetJWTTemplate", "get"),
    ("GetRedirectURL", "getRedirectUrl"),
    ("ListAllowlistIdentifiers", "getAllowlistIdentifierList"),
    ("ListBlocklistIdentifiers", "getBlocklistIdentifierList"),
    ("ListDomains", "list"),
    ("ListInvitations", "getInvitationList"),
    ("ListJWTTemplates", "list"),
    ("ListRedirectURLs", "getRedirectUrlList"),
    ("RemoveUserPassword", "removePassword"),
    ("RevokeActorToken", "revoke"),
    ("SetUserPasswordCompromised", "setPasswordCompromised"),
    ("UnsetUserPasswordCompromised", "unsetPasswordCompromised"),
    ("UpdateInstance", "update"),
    ("UpdateInstanceAuthConfig", "updateInstanceSettings"),
    ("UpdateInstanceCommunication", "updateCommunication"),
    ("UpdateInstanceRestrictions", "updateRestrictions"),
    ("VergerGetInstance", "getDetails"),
    ("VergerGetPhoneNumber", "getPhoneNumberDetails"),
];

/// Parameters that the Node package calls otherwise than the Rust SDK.
const NODE_PARAMS: &[(&str, &str)] =
    &[("MetadataParams", "UserMetadataParams"), ("SetCompromisedParams", "SetPasswordCompromisedParams")];

/// Answers that the Node package calls otherwise than the Rust SDK.
const NODE_ANSWERS: &[(&str, &str)] =
    &[("BetaInstanceSettings", "InstanceSettings"), ("UserClient", "Client"), ("UserSession", "Session")];

/// Answers that have a class in `packages/node/lib/objects.js`.
pub(super) const NODE_CLASSES: &[&str] = &[
    "ActorToken",
    "AllowlistIdentifier",
    "BlocklistIdentifier",
    "Client",
    "CodeVerification",
    "DeletedObject",
    "Domain",
    "EmailAddress",
    "Instance",
    "InstanceRestrictions",
    "InstanceSettings",
    "Invitation",
    "JwtTemplate",
    "PhoneNumber",
    "RedirectUrl",
    "Session",
    "SignInToken",
    "TestingToken",
    "User",
];

fn find<T: Copy>(table: &[(&'static str, T)], key: &str) -> Option<T> {
    table.iter().find(|(name, _)| *name == key).map(|(_, value)| *value)
}

/// Every operation that is named here.
pub(super) fn ids() -> impl Iterator<Item = &'static str> {
    let pairs = [RESOURCES, METHODS, NOTES, NODE_METHODS].into_iter().flatten().map(|(id, _)| *id);
    let aliases = ALIASES.iter().map(|(id, _)| *id);
    let examples = EXAMPLES.iter().map(|(id, _)| *id);
    pairs.chain(aliases).chain(examples).chain([BY_HAND, NODE_BY_HAND].into_iter().flatten().copied())
}

pub(super) fn resource(id: &str) -> Option<&'static str> {
    find(RESOURCES, id)
}

pub(super) fn method(id: &str) -> Option<&'static str> {
    find(METHODS, id)
}

pub(super) fn words(resource: &str) -> Option<&'static str> {
    find(WORDS, resource)
}

pub(super) fn params(name: &str) -> Option<&'static str> {
    find(PARAMS, name)
}

pub(super) fn answer(name: &str) -> Option<&'static str> {
    find(ANSWERS, name)
}

pub(super) fn page_of(name: &str) -> Option<&'static str> {
    find(PAGES, name)
}

pub(super) fn is_by_hand(id: &str) -> bool {
    BY_HAND.contains(&id)
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

pub(super) fn node_answer(name: &str) -> Option<&'static str> {
    find(NODE_ANSWERS, name)
}
