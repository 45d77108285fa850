//! The tables of SDK methods in `docs/testing-with-clerk.md`: what works today, by the names that programs call.

use crate::generate::Operation;
use anyhow::{Context as _, Result, bail};
use std::collections::BTreeSet;
use std::fmt::Write as _;

const BEGIN: &str =
    "<!-- methods: written by `cargo xtask generate` from crates/generate/src/sdk.rs; do not edit -->\n";
const END: &str = "<!-- end of methods -->\n";

/// `@clerk/backend`, `clerk-backend-api` (empty: it has none), and the operation behind them.
const METHODS: &[(&str, &str, &str)] = &[
    ("users.getUserList", "users.list", "GetUserList"),
    ("users.getCount", "users.count", "GetUsersCount"),
    ("users.getUser", "users.get", "GetUser"),
    ("users.createUser", "users.create", "CreateUser"),
    ("users.updateUser", "users.update", "UpdateUser"),
    ("users.deleteUser", "users.delete", "DeleteUser"),
    ("users.updateUserMetadata", "users.update_metadata", "UpdateUserMetadata"),
    ("users.replaceUserMetadata", "users.replace_metadata", "ReplaceUserMetadata"),
    ("users.replaceUserPhoneNumber", "phone_numbers.replace_for_user", "ReplaceUserPhoneNumber"),
    ("users.replaceUserEmailAddress", "email_addresses.replace_for_user", "ReplaceUserEmailAddress"),
    ("users.banUser", "users.ban", "BanUser"),
    ("users.unbanUser", "users.unban", "UnbanUser"),
    ("", "users.bulk_ban", "UsersBan"),
    ("", "users.bulk_unban", "UsersUnban"),
    ("users.lockUser", "users.lock", "LockUser"),
    ("users.unlockUser", "users.unlock", "UnlockUser"),
    ("users.disableUserMFA", "users.disable_mfa", "DisableMFA"),
    ("phoneNumbers.getPhoneNumber", "phone_numbers.get", "GetPhoneNumber"),
    ("phoneNumbers.createPhoneNumber", "phone_numbers.create", "CreatePhoneNumber"),
    ("phoneNumbers.updatePhoneNumber", "phone_numbers.update", "UpdatePhoneNumber"),
    ("phoneNumbers.deletePhoneNumber", "phone_numbers.delete", "DeletePhoneNumber"),
    ("", "phone_numbers.prepare_verification", "PreparePhoneNumberVerification"),
    ("", "phone_numbers.attempt_verification", "AttemptPhoneNumberVerification"),
    ("emailAddresses.getEmailAddress", "email_addresses.get", "GetEmailAddress"),
    ("emailAddresses.createEmailAddress", "email_addresses.create", "CreateEmailAddress"),
    ("emailAddresses.updateEmailAddress", "email_addresses.update", "UpdateEmailAddress"),
    ("emailAddresses.deleteEmailAddress", "email_addresses.delete", "DeleteEmailAddress"),
    ("", "email_addresses.prepare_verification", "PrepareEmailAddressVerification"),
    ("", "email_addresses.attempt_verification", "AttemptEmailAddressVerification"),
    ("users.verifyPassword", "users.verify_password", "VerifyPassword"),
    ("users.removePassword", "users.remove_password", "RemoveUserPassword"),
    ("users.setPasswordCompromised", "users.set_password_compromised", "SetUserPasswordCompromised"),
    ("users.unsetPasswordCompromised", "users.unset_password_compromised", "UnsetUserPasswordCompromised"),
    ("users.verifyTOTP", "users.verify_totp", "VerifyTOTP"),
    ("users.deleteUserTOTP", "users.delete_totp", "DeleteTOTP"),
    ("users.deleteUserBackupCodes", "users.delete_backup_codes", "DeleteBackupCode"),
    ("sessions.getSessionList", "sessions.list", "GetSessionList"),
    ("sessions.createSession", "sessions.create", "createSession"),
    ("sessions.getSession", "sessions.get", "GetSession"),
    ("sessions.revokeSession", "sessions.revoke", "RevokeSession"),
    ("sessions.refreshSession", "sessions.refresh", "RefreshSession"),
    ("sessions.getToken(id)", "sessions.create_token", "CreateSessionToken"),
    (
        "sessions.getToken(id, template)",
        "sessions.create_token_from_template",
        "CreateSessionTokenFromTemplate",
    ),
    ("jwks.getJwks", "jwks.get_jwks", "GetJWKS"),
    ("clients.getClientList", "clients.list", "GetClientList"),
    ("clients.getClient", "clients.get", "GetClient"),
    ("clients.verifyClient", "clients.verify", "VerifyClient"),
    ("jwtTemplates.list", "jwt_templates.list", "ListJWTTemplates"),
    ("jwtTemplates.get", "jwt_templates.get", "GetJWTTemplate"),
    ("jwtTemplates.create", "jwt_templates.create", "CreateJWTTemplate"),
    ("jwtTemplates.update", "jwt_templates.update", "UpdateJWTTemplate"),
    ("jwtTemplates.delete", "jwt_templates.delete", "DeleteJWTTemplate"),
    ("signInTokens.createSignInToken", "sign_in_tokens.create", "CreateSignInToken"),
    ("signInTokens.revokeSignInToken", "sign_in_tokens.revoke", "RevokeSignInToken"),
    ("actorTokens.create", "actor_tokens.create", "CreateActorToken"),
    ("actorTokens.revoke", "actor_tokens.revoke", "RevokeActorToken"),
    ("testingTokens.createTestingToken", "testing_tokens.create", "CreateTestingToken"),
    ("invitations.getInvitationList", "invitations.list", "ListInvitations"),
    ("invitations.createInvitation", "invitations.create", "CreateInvitation"),
    ("invitations.createInvitationBulk", "invitations.bulk_create", "CreateBulkInvitations"),
    ("invitations.revokeInvitation", "invitations.revoke", "RevokeInvitation"),
    (
        "allowlistIdentifiers.getAllowlistIdentifierList",
        "allowlist_identifiers.list",
        "ListAllowlistIdentifiers",
    ),
    (
        "allowlistIdentifiers.createAllowlistIdentifier",
        "allowlist_identifiers.create",
        "CreateAllowlistIdentifier",
    ),
    (
        "allowlistIdentifiers.deleteAllowlistIdentifier",
        "allowlist_identifiers.delete",
        "DeleteAllowlistIdentifier",
    ),
    (
        "blocklistIdentifiers.getBlocklistIdentifierList",
        "blocklist_identifiers.list",
        "ListBlocklistIdentifiers",
    ),
    (
        "blocklistIdentifiers.createBlocklistIdentifier",
        "blocklist_identifiers.create",
        "CreateBlocklistIdentifier",
    ),
    (
        "blocklistIdentifiers.deleteBlocklistIdentifier",
        "blocklist_identifiers.delete",
        "DeleteBlocklistIdentifier",
    ),
    ("redirectUrls.getRedirectUrlList", "redirect_urls.list", "ListRedirectURLs"),
    ("redirectUrls.getRedirectUrl", "redirect_urls.get", "GetRedirectURL"),
    ("redirectUrls.createRedirectUrl", "redirect_urls.create", "CreateRedirectURL"),
    ("redirectUrls.deleteRedirectUrl", "redirect_urls.delete", "DeleteRedirectURL"),
    ("domains.list", "domains.list", "ListDomains"),
    ("instance.get", "instance_settings.get", "GetInstance"),
    ("instance.update", "instance_settings.update", "UpdateInstance"),
    ("instance.updateRestrictions", "instance_settings.update_restrictions", "UpdateInstanceRestrictions"),
    ("", "instance_settings.get_communication", "GetInstanceCommunication"),
    ("", "instance_settings.update_communication", "UpdateInstanceCommunication"),
    ("", "beta_features.update_instance_settings", "UpdateInstanceAuthConfig"),
    ("users.deleteUserPasskey", "users.delete_passkey", "UserPasskeyDelete"),
    ("users.deleteUserWeb3Wallet", "users.delete_web3_wallet", "UserWeb3WalletDelete"),
    ("users.deleteUserExternalAccount", "users.delete_external_account", "DeleteExternalAccount"),
    ("users.getUserOauthAccessToken", "users.get_o_auth_access_token", "GetOAuthAccessToken"),
    ("users.updateUserProfileImage", "users.set_profile_image", "SetUserProfileImage"),
    ("users.deleteUserProfileImage", "users.delete_profile_image", "DeleteUserProfileImage"),
    (
        "users.getOrganizationMembershipList",
        "users.get_organization_memberships",
        "UsersGetOrganizationMemberships",
    ),
    (
        "users.getOrganizationInvitationList",
        "users.get_organization_invitations",
        "UsersGetOrganizationInvitations",
    ),
];

/// Resources of `@clerk/backend` and of `clerk-backend-api`, and the groups of the document behind them.
const RESOURCES: &[(&str, &str, &[&str])] = &[
    ("`authenticateRequest`, `verifyToken`, `jwks`", "`authenticate_request`, `jwks`", &["JWKS"]),
    ("`sessions`", "`sessions`", &["Sessions"]),
    ("`clients`", "`clients`", &["Clients"]),
    ("`signInTokens`", "`sign_in_tokens`", &["Sign-in Tokens"]),
    ("`testingTokens`, so `clerkSetup` of `@clerk/testing`", "`testing_tokens`", &["Testing Tokens"]),
    ("`actorTokens`", "`actor_tokens`", &["Actor Tokens"]),
    ("`signUps`", "`sign_ups`", &["Sign Ups"]),
    ("`invitations`", "`invitations`", &["Invitations"]),
    ("`waitlistEntries`", "`waitlist_entries`", &["Waitlist Entries"]),
    (
        "`allowlistIdentifiers`, `blocklistIdentifiers`",
        "`allowlist_identifiers`, `blocklist_identifiers`",
        &["Allow-list / Block-list"],
    ),
    (
        "`organizations`",
        "`organizations`, `organization_memberships`, `organization_invitations`, `organization_domains`",
        &["Organizations", "Organization Memberships", "Organization Invitations", "Organization Domains"],
    ),
    (
        "`organizationRoles`, `organizationPermissions`, `roleSets`",
        "`organization_roles`, `organization_permissions`, `role_sets`",
        &["Organization Roles", "Organization Permissions", "Role Sets"],
    ),
    ("`jwtTemplates`", "`jwt_templates`", &["JWT Templates"]),
    (
        "`m2m`, `machines`, `apiKeys`",
        "`m2m`, `machines`, `api_keys`",
        &["M2M Tokens", "Machines", "API Keys"],
    ),
    (
        "`oauthApplications`, `idPOAuthAccessToken`",
        "`oauth_applications`, `oauth_access_tokens`",
        &["OAuth Applications", "OAuth Access Tokens"],
    ),
    (
        "`samlConnections`, `enterpriseConnections`",
        "`saml_connections`, `enterprise_connections`",
        &["SAML Connections", "Enterprise Connections"],
    ),
    (
        "`instance`, `domains`, `redirectUrls`, `betaFeatures`, `proxyChecks`",
        "`instance_settings`, `domains`, `redirect_urls`, `beta_features`, `proxy_checks`",
        &["Instance Settings", "Domains", "Redirect URLs", "Beta Features", "Proxy Checks"],
    ),
    ("`billing`", "`billing`", &["Billing"]),
    ("`webhooks` (Svix; ours are under `/verger/v1`)", "`webhooks`", &["Webhooks"]),
];

/// The page with the tables that belong to these operations.
///
/// # Errors
/// The page has not the two marks, or a method here names an operation that the document does not have, or an operation
/// that is implemented has no method here.
pub(crate) fn with_tables(
    page: &str,
    operations: &[Operation],
    implemented: &BTreeSet<(String, String)>,
) -> Result<String> {
    let marks = "docs/testing-with-clerk.md must have the marks of the tables of methods, one of each";
    let (before, rest) = page.split_once(BEGIN).context(marks)?;
    let (_, after) = rest.split_once(END).context(marks)?;
    if after.contains(BEGIN) || after.contains(END) {
        bail!(marks);
    }
    Ok(format!("{before}{BEGIN}\n{}\n{END}{after}", tables(operations, implemented)?))
}

fn tables(operations: &[Operation], implemented: &BTreeSet<(String, String)>) -> Result<String> {
    let is_implemented =
        |operation: &Operation| implemented.contains(&(operation.method.clone(), operation.path.clone()));
    let mut rows = [String::new(), String::new()];
    for (js, python, id) in METHODS {
        let operation = operations.iter().find(|operation| operation.operation_id == *id);
        let operation = operation.with_context(|| format!("the published document has no operation {id}"))?;
        let cell = |name: &str| if name.is_empty() { String::new() } else { format!("`{name}`") };
        let missing: Vec<_> = operation.missing.iter().map(|name| format!("`{name}`")).collect();
        let row = &mut rows[usize::from(!is_implemented(operation))];
        write!(row, "| {} | {} |", cell(js), cell(python))?;
        if is_implemented(operation) {
            write!(row, " {} |", missing.join(", "))?;
        }
        row.push('\n');
    }
    for operation in operations.iter().filter(|operation| is_implemented(operation)) {
        if !METHODS.iter().any(|(_, _, id)| *id == operation.operation_id) {
            bail!("{} has no method in crates/generate/src/sdk.rs", operation.operation_id);
        }
    }
    let [works, missing] = rows;
    let mut text = format!(
        "**What works today.** A parameter of the last column is refused when it asks for something.\n\n\
         | `@clerk/backend` | `clerk-backend-api` | parameters not there yet |\n|---|---|---|\n{works}\n\
         **What is not there yet.** These are answered with 403 `feature_not_enabled`; of a resource that is there in part, the table \
         above names what works.\n\n\
         | `@clerk/backend` | `clerk-backend-api` |\n|---|---|\n{missing}\n\
         | resource of `@clerk/backend` | of `clerk-backend-api` | operations there |\n|---|---|---|\n"
    );
    for (js, python, tags) in RESOURCES {
        let of_them: Vec<_> =
            operations.iter().filter(|operation| tags.contains(&operation.tag.as_str())).collect();
        if let Some(tag) = tags.iter().find(|tag| !of_them.iter().any(|operation| operation.tag == **tag)) {
            bail!("the published document has no group {tag}");
        }
        let done = of_them.iter().filter(|operation| is_implemented(operation)).count();
        if done < of_them.len() {
            writeln!(text, "| {js} | {python} | {done} of {} |", of_them.len())?;
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(method: &str, path: &str, id: &str, tag: &str) -> Operation {
        let [method, path, operation_id, tag] = [method, path, id, tag].map(str::to_owned);
        Operation { method, path, operation_id, tag, missing: Vec::new() }
    }

    /// Everything that the tables name, each with a path of its own.
    fn all() -> Vec<Operation> {
        let methods = METHODS.iter().map(|(_, _, id)| operation("GET", id, id, "Users"));
        let groups = RESOURCES.iter().flat_map(|(_, _, tags)| tags.iter());
        methods.chain(groups.map(|tag| operation("GET", tag, tag, tag))).collect()
    }

    fn routes(paths: &[&str]) -> BTreeSet<(String, String)> {
        paths.iter().map(|path| ("GET".to_owned(), (*path).to_owned())).collect()
    }

    #[test]
    fn method_moves_to_the_first_table_when_its_operation_is_there() {
        let page = format!("# Page\n{BEGIN}{END}After.\n");
        for (implemented, expected) in [(routes(&[]), false), (routes(&["VerifyPassword"]), true)] {
            let text = with_tables(&page, &all(), &implemented).unwrap();
            let (works, missing) = text.split_once("**What is not there yet.**").unwrap();
            assert_eq!(works.contains("users.verifyPassword"), expected);
            assert_eq!(missing.contains("users.verifyPassword"), !expected);
            assert_eq!(with_tables(&text, &all(), &implemented).unwrap(), text, "it is stable");
        }
        let mut operations = all();
        for (id, tag) in [("ListDomains", "Domains"), ("GetSessionList", "Sessions")] {
            operations.iter_mut().find(|operation| operation.operation_id == id).unwrap().tag =
                tag.to_owned();
        }
        let text = with_tables(&page, &operations, &routes(&["ListDomains"])).unwrap();
        assert!(text.contains("`proxy_checks` | 1 of 6 |"));
        assert!(text.contains("| `sessions` | `sessions` | 0 of 2 |"));
        // A group that is all there is no more among those that are not.
        operations.retain(|operation| operation.operation_id != "Sessions");
        let text = with_tables(&page, &operations, &routes(&["GetSessionList"])).unwrap();
        assert!(!text.contains("`sessions`"));
    }

    #[test]
    fn what_the_document_does_not_have_and_what_is_not_named_here_is_refused() {
        let page = format!("{BEGIN}{END}");
        for at in [0, all().len() - 1] {
            let mut operations = all();
            operations.remove(at);
            assert!(with_tables(&page, &operations, &routes(&[])).is_err());
        }
        let mut operations = all();
        operations.push(operation("GET", "new", "New", "Phone Numbers"));
        assert!(with_tables(&page, &operations, &routes(&[])).is_ok());
        assert!(with_tables(&page, &operations, &routes(&["new"])).is_err());
        assert!(with_tables("", &all(), &routes(&[])).is_err());
    }
}
