//! The methods of `Client::users`.
//!
//! Written by `cargo xtask generate` from the declared operations; do not edit.

use crate::model::{
    CodeVerified, CredentialRemoved, DeletedObject, EmailAddress, MfaDisabled, PasswordVerified, PhoneNumber,
    User,
};
use crate::operations::{
    BAN_USER, CREATE_USER, DELETE_BACKUP_CODE, DELETE_TOTP, DELETE_USER, DISABLE_MFA, GET_USER,
    GET_USER_LIST, LOCK_USER, REMOVE_USER_PASSWORD, REPLACE_USER_EMAIL_ADDRESS, REPLACE_USER_METADATA,
    REPLACE_USER_PHONE_NUMBER, SET_USER_PASSWORD_COMPROMISED, UNBAN_USER, UNLOCK_USER,
    UNSET_USER_PASSWORD_COMPROMISED, UPDATE_USER, UPDATE_USER_METADATA, VERIFY_PASSWORD, VERIFY_TOTP,
};
use crate::params::{
    CreateUserParams, GetUserListParams, MetadataParams, RemovePasswordParams, ReplaceEmailAddressParams,
    ReplacePhoneNumberParams, SetCompromisedParams, UpdateUserParams, VerifyPasswordParams, VerifyTotpParams,
};
use crate::request::Request;

resource! {
    /// Users: names, metadata, bans and locks, and search; from [`Client::users`](crate::Client::users).
    Users
}

impl<R: Clone> Users<R> {
    /// List users: `GET /v1/users`.
    ///
    /// A user must match every filter. Repeat a parameter for several values (`user_id=a&user_id=b`) or use brackets
    /// (`user_id[]=a`); values without a match are ignored.
    ///
    /// Page through long lists with the id of the last user of a page as `starting_after` of the next: every page then
    /// costs the same.
    ///
    /// One page. For all users: [`stream_user_list`](Users::stream_user_list), or the iterator of `blocking`.
    ///
    /// # Errors
    /// - 422 `form_conditional_param_disallowed`: A parameter cannot be combined with another: `starting_after` with
    ///   `offset`, or with another order than `created_at`.
    /// - 422 `form_param_max_length_exceeded`: A text is longer than its field allows.
    ///
    /// ```
    /// # use verger_client::GetUserListParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = GetUserListParams::new().email_address("ada@example.com");
    /// let request = client.users().get_user_list(params);
    /// assert_eq!((request.method().as_str(), request.path()), ("GET", "/v1/users"));
    /// assert_eq!(request.query_string(), "email_address=ada%40example.com");
    /// ```
    #[doc(alias("list_users", "list", "get_users", "search_users", "find_users"))]
    pub fn get_user_list(&self, params: GetUserListParams) -> Request<Vec<User>, R> {
        self.request(&GET_USER_LIST, &[]).params(&params)
    }

    /// Create a user: `POST /v1/users`.
    ///
    /// Creates the user with everything given, or fails as a whole. Addresses and numbers are verified unless their
    /// status says `reserved`. At least one address, number or username is required, unless `skip_user_requirement` is
    /// true.
    ///
    /// # Errors
    /// - 403 `password_disabled`: The request is about a password, and the instance has none.
    /// - 403 `feature_not_enabled`: The request sets a TOTP secret or backup codes, and the instance does not have
    ///   them.
    /// - 422 `form_data_missing`: The request creates a user without any identification.
    /// - 422 `form_param_format_invalid`: A value does not have the format of its field, such as a number outside every
    ///   numbering plan.
    /// - 422 `form_username_invalid_length`: A username has fewer than 4 or more than 64 characters, or than the
    ///   settings of the instance say.
    /// - 422 `form_username_invalid_character`: A username has a character that is neither a letter A to Z, a digit, an
    ///   underscore nor a hyphen.
    /// - 422 `form_username_needs_non_number_char`: A username consists of digits only and could be mistaken for a
    ///   phone number.
    /// - 422 `form_param_max_length_exceeded`: A text is longer than its field allows.
    /// - 422 `form_param_min_length_exceeded`: A value is empty where an empty string is not allowed, such as
    ///   `external_id`.
    /// - 422 `form_param_invalid_time`: A date and time is not in RFC 3339.
    /// - 422 `form_param_invalid_time`: A date and time is not from 0000-01-01T00:00:00Z to 9999-12-30T22:00:00Z.
    /// - 422 `form_param_exceeds_allowed_size`: A metadata object would have more than 8192 bytes of JSON (after a
    ///   merge, the merged one), or the `actor` of an actor token more than 1200.
    /// - 422 `form_param_array_length_mismatch`: Two arrays that belong together differ in length.
    /// - 422 `form_identifier_exists` ([`is_taken`](crate::Error::is_taken)): Another user of the instance has claimed
    ///   the phone number, or this user has it already.
    /// - 422 `form_identifier_exists` ([`is_taken`](crate::Error::is_taken)): Another user of the instance has claimed
    ///   the email address, or this user has it already.
    /// - 422 `form_identifier_exists` ([`is_taken`](crate::Error::is_taken)): Another user of the instance has the
    ///   username, in upper or lower case.
    /// - 422 `form_identifier_exists` ([`is_taken`](crate::Error::is_taken)): Another user of the instance has the
    ///   external id.
    /// - 422 `form_password_length_too_short`: A password has fewer characters than the instance asks for.
    /// - 422 `form_password_length_too_long`: A password has more characters than the instance allows.
    /// - 422 `form_password_size_in_bytes_exceeded`: A password has more than 1024 bytes.
    /// - 422 `form_password_no_lowercase`: The instance asks for a lower-case letter, and the password has none.
    /// - 422 `form_password_no_uppercase`: The instance asks for an upper-case letter, and the password has none.
    /// - 422 `form_password_no_number`: The instance asks for a digit, and the password has none.
    /// - 422 `form_password_no_special_char`: The instance asks for a special character, and the password has none.
    /// - 422 `form_password_matches_identifier`: A password equals the username, a phone number or an email address of
    ///   its user.
    /// - 422 `form_password_pwned`: A password is one of the 10,000 most common ones, or on the operator's own list.
    /// - 422 `form_password_digest_invalid_code`: A digest does not have the form of its hasher, needs more work than
    ///   is accepted, or its hasher is not supported.
    /// - 422 `invalid_totp_secret_code`: A TOTP secret is not base32, or has fewer than 80 or more than 512 bits.
    /// - 422 `form_data_missing`: The instance asks for a password, and the request creates a user without one.
    /// - 422 `form_param_value_invalid`: `skip_password_requirement` is sent to an instance whose only first factor is
    ///   the password.
    /// - 429 `too_many_requests` ([`retry_after`](crate::Error::retry_after)): More work on passwords waits than the
    ///   server does in a second.
    ///
    /// ```
    /// # use verger_client::CreateUserParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = CreateUserParams::new()
    ///     .first_name("Ada")
    ///     .last_name("Lovelace")
    ///     .email_address("ada@example.com")
    ///     .phone_number("+12015550123")
    ///     .phone_number("+12015550145")
    ///     .phone_number_identification_status("verified")
    ///     .phone_number_identification_status("reserved")
    ///     .public_metadata([("plan", "team")]);
    /// let request = client.users().create_user(params);
    /// assert_eq!((request.method().as_str(), request.path()), ("POST", "/v1/users"));
    /// let body = r#"{"first_name":"Ada","last_name":"Lovelace","email_address":["ada@example.com"],"phone_number":["+12015550123","+12015550145"],"phone_number_identification_status":["verified","reserved"],"public_metadata":{"plan":"team"}}"#;
    /// assert_eq!(request.body(), Some(body));
    /// ```
    #[doc(alias("add_user", "new_user"))]
    pub fn create_user(&self, params: CreateUserParams) -> Request<User, R> {
        self.request(&CREATE_USER, &[]).json(&params)
    }

    /// Read a user: `GET /v1/users/{user_id}`.
    ///
    /// The user with all identifications.
    ///
    /// # Errors
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): This instance has no object with this
    ///   id.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let request = client.users().get_user("user_1");
    /// assert_eq!((request.method().as_str(), request.path()), ("GET", "/v1/users/user_1"));
    /// ```
    #[doc(alias("retrieve_user", "fetch_user", "find_user"))]
    pub fn get_user(&self, user_id: &str) -> Request<User, R> {
        self.request(&GET_USER, &[user_id])
    }

    /// Update a user: `PATCH /v1/users/{user_id}`.
    ///
    /// Changes the given fields only. If one is refused, nothing changes.
    ///
    /// With an API version before `2026-05-12` the body may also have `public_metadata`, `private_metadata` and
    /// `unsafe_metadata`, each of which replaces the whole object. From that version on, use the metadata operations.
    ///
    /// A field that can be removed is removed by [`Patch::Null`](crate::Patch::Null).
    ///
    /// # Errors
    /// - 400 `identification_deletion_failed`: The request deletes the user's last identification.
    /// - 403 `password_disabled`: The request is about a password, and the instance has none.
    /// - 403 `feature_not_enabled`: The request sets a TOTP secret or backup codes, and the instance does not have
    ///   them.
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): This instance has no object with this
    ///   id.
    /// - 422 `form_param_format_invalid`: A value does not have the format of its field, such as a number outside every
    ///   numbering plan.
    /// - 422 `form_username_invalid_length`: A username has fewer than 4 or more than 64 characters, or than the
    ///   settings of the instance say.
    /// - 422 `form_username_invalid_character`: A username has a character that is neither a letter A to Z, a digit, an
    ///   underscore nor a hyphen.
    /// - 422 `form_username_needs_non_number_char`: A username consists of digits only and could be mistaken for a
    ///   phone number.
    /// - 422 `form_param_max_length_exceeded`: A text is longer than its field allows.
    /// - 422 `form_param_min_length_exceeded`: A value is empty where an empty string is not allowed, such as
    ///   `external_id`.
    /// - 422 `form_param_invalid_time`: A date and time is not in RFC 3339.
    /// - 422 `form_param_invalid_time`: A date and time is not from 0000-01-01T00:00:00Z to 9999-12-30T22:00:00Z.
    /// - 422 `form_param_exceeds_allowed_size`: A metadata object would have more than 8192 bytes of JSON (after a
    ///   merge, the merged one), or the `actor` of an actor token more than 1200.
    /// - 422 `form_identifier_exists` ([`is_taken`](crate::Error::is_taken)): Another user of the instance has the
    ///   username, in upper or lower case.
    /// - 422 `form_identifier_exists` ([`is_taken`](crate::Error::is_taken)): Another user of the instance has the
    ///   external id.
    /// - 422 `form_resource_not_found`: A field names an identification that is not this user's.
    /// - 422 `form_verification_needed`: The request makes an identification primary that is neither verified nor
    ///   reserved.
    /// - 422 `form_password_length_too_short`: A password has fewer characters than the instance asks for.
    /// - 422 `form_password_length_too_long`: A password has more characters than the instance allows.
    /// - 422 `form_password_size_in_bytes_exceeded`: A password has more than 1024 bytes.
    /// - 422 `form_password_no_lowercase`: The instance asks for a lower-case letter, and the password has none.
    /// - 422 `form_password_no_uppercase`: The instance asks for an upper-case letter, and the password has none.
    /// - 422 `form_password_no_number`: The instance asks for a digit, and the password has none.
    /// - 422 `form_password_no_special_char`: The instance asks for a special character, and the password has none.
    /// - 422 `form_password_matches_identifier`: A password equals the username, a phone number or an email address of
    ///   its user.
    /// - 422 `form_password_pwned`: A password is one of the 10,000 most common ones, or on the operator's own list.
    /// - 422 `form_password_digest_invalid_code`: A digest does not have the form of its hasher, needs more work than
    ///   is accepted, or its hasher is not supported.
    /// - 422 `invalid_totp_secret_code`: A TOTP secret is not base32, or has fewer than 80 or more than 512 bits.
    /// - 429 `too_many_requests` ([`retry_after`](crate::Error::retry_after)): More work on passwords waits than the
    ///   server does in a second.
    ///
    /// ```
    /// # use verger_client::UpdateUserParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = UpdateUserParams::new().last_name("King").primary_phone_number_id("idn_1");
    /// let request = client.users().update_user("user_1", params);
    /// assert_eq!((request.method().as_str(), request.path()), ("PATCH", "/v1/users/user_1"));
    /// let body = r#"{"last_name":"King","primary_phone_number_id":"idn_1"}"#;
    /// assert_eq!(request.body(), Some(body));
    /// ```
    #[doc(alias("patch_user", "modify_user"))]
    pub fn update_user(&self, user_id: &str, params: UpdateUserParams) -> Request<User, R> {
        self.request(&UPDATE_USER, &[user_id]).json(&params)
    }

    /// Delete a user: `DELETE /v1/users/{user_id}`.
    ///
    /// Deletes the user with all identifications and sessions. Their addresses, numbers and username become available
    /// again at once.
    ///
    /// # Errors
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): This instance has no object with this
    ///   id.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let request = client.users().delete_user("user_1");
    /// assert_eq!((request.method().as_str(), request.path()), ("DELETE", "/v1/users/user_1"));
    /// ```
    #[doc(alias("remove_user"))]
    pub fn delete_user(&self, user_id: &str) -> Request<DeletedObject, R> {
        self.request(&DELETE_USER, &[user_id])
    }

    /// Merge metadata of a user: `PATCH /v1/users/{user_id}/metadata`.
    ///
    /// Merges each given object into the stored one, to any depth: a key with null is removed, an object is merged,
    /// anything else replaces. Objects that are not given are left unchanged.
    ///
    /// # Errors
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): This instance has no object with this
    ///   id.
    /// - 422 `form_param_format_invalid`: A value does not have the format of its field, such as a number outside every
    ///   numbering plan.
    /// - 422 `form_param_exceeds_allowed_size`: A metadata object would have more than 8192 bytes of JSON (after a
    ///   merge, the merged one), or the `actor` of an actor token more than 1200.
    ///
    /// ```
    /// # use serde_json::json;
    /// # use verger_client::MetadataParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = MetadataParams::new()
    ///     .public_metadata([("plan", json!("enterprise")), ("trial", json!(null))]);
    /// let request = client.users().update_user_metadata("user_1", params);
    /// assert_eq!((request.method().as_str(), request.path()), ("PATCH", "/v1/users/user_1/metadata"));
    /// let body = r#"{"public_metadata":{"plan":"enterprise","trial":null}}"#;
    /// assert_eq!(request.body(), Some(body));
    /// ```
    #[doc(alias("merge_metadata", "patch_metadata", "update_metadata"))]
    pub fn update_user_metadata(&self, user_id: &str, params: MetadataParams) -> Request<User, R> {
        self.request(&UPDATE_USER_METADATA, &[user_id]).json(&params)
    }

    /// Replace metadata of a user: `PUT /v1/users/{user_id}/metadata`.
    ///
    /// Replaces each given object as a whole. Objects that are not given are left unchanged.
    ///
    /// # Errors
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): This instance has no object with this
    ///   id.
    /// - 422 `form_param_format_invalid`: A value does not have the format of its field, such as a number outside every
    ///   numbering plan.
    /// - 422 `form_param_exceeds_allowed_size`: A metadata object would have more than 8192 bytes of JSON (after a
    ///   merge, the merged one), or the `actor` of an actor token more than 1200.
    ///
    /// ```
    /// # use serde_json::json;
    /// # use verger_client::MetadataParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = MetadataParams::new()
    ///     .public_metadata([("plan", json!("enterprise")), ("trial", json!(null))]);
    /// let request = client.users().replace_user_metadata("user_1", params);
    /// assert_eq!((request.method().as_str(), request.path()), ("PUT", "/v1/users/user_1/metadata"));
    /// let body = r#"{"public_metadata":{"plan":"enterprise","trial":null}}"#;
    /// assert_eq!(request.body(), Some(body));
    /// ```
    #[doc(alias("set_metadata", "put_metadata"))]
    pub fn replace_user_metadata(&self, user_id: &str, params: MetadataParams) -> Request<User, R> {
        self.request(&REPLACE_USER_METADATA, &[user_id]).json(&params)
    }

    /// Ban a user: `POST /v1/users/{user_id}/ban`.
    ///
    /// The user cannot sign in until unbanned, all of their sessions are revoked, and their pending codes are
    /// cancelled. Banning a banned user changes nothing.
    ///
    /// # Errors
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): This instance has no object with this
    ///   id.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let request = client.users().ban_user("user_1");
    /// assert_eq!((request.method().as_str(), request.path()), ("POST", "/v1/users/user_1/ban"));
    /// ```
    #[doc(alias("block_user"))]
    pub fn ban_user(&self, user_id: &str) -> Request<User, R> {
        self.request(&BAN_USER, &[user_id])
    }

    /// Unban a user: `POST /v1/users/{user_id}/unban`.
    ///
    /// The user can sign in again. Unbanning a user who is not banned changes nothing.
    ///
    /// # Errors
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): This instance has no object with this
    ///   id.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let request = client.users().unban_user("user_1");
    /// assert_eq!((request.method().as_str(), request.path()), ("POST", "/v1/users/user_1/unban"));
    /// ```
    #[doc(alias("unblock_user"))]
    pub fn unban_user(&self, user_id: &str) -> Request<User, R> {
        self.request(&UNBAN_USER, &[user_id])
    }

    /// Lock a user: `POST /v1/users/{user_id}/lock`.
    ///
    /// The user cannot sign in until unlocked. Locking a locked user changes nothing.
    ///
    /// # Errors
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): This instance has no object with this
    ///   id.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let request = client.users().lock_user("user_1");
    /// assert_eq!((request.method().as_str(), request.path()), ("POST", "/v1/users/user_1/lock"));
    /// ```
    pub fn lock_user(&self, user_id: &str) -> Request<User, R> {
        self.request(&LOCK_USER, &[user_id])
    }

    /// Unlock a user: `POST /v1/users/{user_id}/unlock`.
    ///
    /// The user can sign in again, unless banned: neither a lock nor wrong tries of a password, an authenticator or
    /// backup codes count any more. Of a user who is not locked only the tries are forgotten.
    ///
    /// # Errors
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): This instance has no object with this
    ///   id.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let request = client.users().unlock_user("user_1");
    /// assert_eq!((request.method().as_str(), request.path()), ("POST", "/v1/users/user_1/unlock"));
    /// ```
    pub fn unlock_user(&self, user_id: &str) -> Request<User, R> {
        self.request(&UNLOCK_USER, &[user_id])
    }

    /// Disable MFA for a user: `DELETE /v1/users/{user_id}/mfa`.
    ///
    /// Removes every second factor of the user; the numbers themselves stay. If the user has none, nothing changes.
    ///
    /// # Errors
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): This instance has no object with this
    ///   id.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let request = client.users().disable_user_mfa("user_1");
    /// assert_eq!((request.method().as_str(), request.path()), ("DELETE", "/v1/users/user_1/mfa"));
    /// ```
    #[doc(alias("disable_mfa", "reset_mfa", "delete_mfa"))]
    pub fn disable_user_mfa(&self, user_id: &str) -> Request<MfaDisabled, R> {
        self.request(&DISABLE_MFA, &[user_id])
    }

    /// Verify a password: `POST /v1/users/{user_id}/verify_password`.
    ///
    /// Compares a password with that of the user. A wrong one is counted: ten within an hour close the password until
    /// the hour is over, and too many wrong tries of any factor in a row lock the user. A new password or unlocking the
    /// user opens it again. The digest of another system is replaced by one of our own when its password is verified.
    ///
    /// # Errors
    /// - 400 `no_password_set`: The request is about the password of a user who has none.
    /// - 403 `password_disabled`: The request is about a password, and the instance has none.
    /// - 403 `user_banned`: The user is banned.
    /// - 403 `user_locked`: The user is locked.
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): This instance has no object with this
    ///   id.
    /// - 422 `incorrect_password`: A wrong password was tried.
    /// - 422 `form_password_compromised`: The right password was tried, and it was set compromised.
    /// - 429 `too_many_requests` ([`retry_after`](crate::Error::retry_after)): Ten wrong passwords, codes of an
    ///   authenticator or backup codes of a user were tried within an hour.
    /// - 429 `too_many_requests` ([`retry_after`](crate::Error::retry_after)): More work on passwords waits than the
    ///   server does in a second.
    ///
    /// ```
    /// # use verger_client::VerifyPasswordParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = VerifyPasswordParams::new("a long sentence of mine");
    /// let request = client.users().verify_password("user_1", params);
    /// let path = "/v1/users/user_1/verify_password";
    /// assert_eq!((request.method().as_str(), request.path()), ("POST", path));
    /// let body = r#"{"password":"a long sentence of mine"}"#;
    /// assert_eq!(request.body(), Some(body));
    /// ```
    pub fn verify_password(
        &self,
        user_id: &str,
        params: VerifyPasswordParams,
    ) -> Request<PasswordVerified, R> {
        self.request(&VERIFY_PASSWORD, &[user_id]).json(&params)
    }

    /// Verify a code of an authenticator, or a backup code: `POST /v1/users/{user_id}/verify_totp`.
    ///
    /// Compares what the user entered: six digits with the codes of the authenticator, anything else with the backup
    /// codes. Either is accepted once. A wrong one is counted, as a wrong password is.
    ///
    /// # Errors
    /// - 400 `totp_disabled`: A code is tried of a user who has neither TOTP nor backup codes, or whose instance does
    ///   not have them.
    /// - 403 `user_banned`: The user is banned.
    /// - 403 `user_locked`: The user is locked.
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): This instance has no object with this
    ///   id.
    /// - 422 `totp_incorrect_code`: A wrong code of an authenticator, or a wrong backup code, was tried; or one that
    ///   was used before.
    /// - 422 `totp_invalid_length`: What is tried does not have six digits, and the user has no backup codes.
    /// - 429 `too_many_requests` ([`retry_after`](crate::Error::retry_after)): Ten wrong passwords, codes of an
    ///   authenticator or backup codes of a user were tried within an hour.
    /// - 429 `too_many_requests` ([`retry_after`](crate::Error::retry_after)): More work on passwords waits than the
    ///   server does in a second.
    ///
    /// ```
    /// # use verger_client::VerifyTotpParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = VerifyTotpParams::new("287082");
    /// let request = client.users().verify_totp("user_1", params);
    /// assert_eq!((request.method().as_str(), request.path()), ("POST", "/v1/users/user_1/verify_totp"));
    /// let body = r#"{"code":"287082"}"#;
    /// assert_eq!(request.body(), Some(body));
    /// ```
    pub fn verify_totp(&self, user_id: &str, params: VerifyTotpParams) -> Request<CodeVerified, R> {
        self.request(&VERIFY_TOTP, &[user_id]).json(&params)
    }

    /// Remove the password of a user: `POST /v1/users/{user_id}/remove_password`.
    ///
    /// If the user has none, nothing changes. The user may have no other way to sign in.
    ///
    /// # Errors
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): This instance has no object with this
    ///   id.
    ///
    /// ```
    /// # use verger_client::RemovePasswordParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = RemovePasswordParams::new();
    /// let request = client.users().remove_user_password("user_1", params);
    /// let path = "/v1/users/user_1/remove_password";
    /// assert_eq!((request.method().as_str(), request.path()), ("POST", path));
    /// let body = r#"{}"#;
    /// assert_eq!(request.body(), Some(body));
    /// ```
    #[doc(alias("delete_password"))]
    pub fn remove_user_password(&self, user_id: &str, params: RemovePasswordParams) -> Request<User, R> {
        self.request(&REMOVE_USER_PASSWORD, &[user_id]).json(&params)
    }

    /// Mark a password as compromised: `POST /v1/users/{user_id}/password/set_compromised`.
    ///
    /// From now on the password opens nothing: the user must sign in another way and choose a new one. A user who has
    /// no other way can only be helped with a new password.
    ///
    /// # Errors
    /// - 400 `no_password_set`: The request is about the password of a user who has none.
    /// - 403 `password_disabled`: The request is about a password, and the instance has none.
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): This instance has no object with this
    ///   id.
    ///
    /// ```
    /// # use verger_client::SetCompromisedParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = SetCompromisedParams::new();
    /// let request = client.users().set_user_password_compromised("user_1", params);
    /// let path = "/v1/users/user_1/password/set_compromised";
    /// assert_eq!((request.method().as_str(), request.path()), ("POST", path));
    /// let body = r#"{}"#;
    /// assert_eq!(request.body(), Some(body));
    /// ```
    #[doc(alias("set_password_compromised"))]
    pub fn set_user_password_compromised(
        &self,
        user_id: &str,
        params: SetCompromisedParams,
    ) -> Request<User, R> {
        self.request(&SET_USER_PASSWORD_COMPROMISED, &[user_id]).json(&params)
    }

    /// Unset a password compromised: `POST /v1/users/{user_id}/password/unset_compromised`.
    ///
    /// The password opens what it opened before.
    ///
    /// # Errors
    /// - 400 `no_password_set`: The request is about the password of a user who has none.
    /// - 403 `password_disabled`: The request is about a password, and the instance has none.
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): This instance has no object with this
    ///   id.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let request = client.users().unset_user_password_compromised("user_1");
    /// let path = "/v1/users/user_1/password/unset_compromised";
    /// assert_eq!((request.method().as_str(), request.path()), ("POST", path));
    /// ```
    #[doc(alias("unset_password_compromised"))]
    pub fn unset_user_password_compromised(&self, user_id: &str) -> Request<User, R> {
        self.request(&UNSET_USER_PASSWORD_COMPROMISED, &[user_id])
    }

    /// Delete the authenticator of a user: `DELETE /v1/users/{user_id}/totp`.
    ///
    /// Deletes the TOTP secret. If it was the last second factor, the backup codes go with it. If the user has none,
    /// nothing changes.
    ///
    /// # Errors
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): This instance has no object with this
    ///   id.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let request = client.users().delete_totp("user_1");
    /// assert_eq!((request.method().as_str(), request.path()), ("DELETE", "/v1/users/user_1/totp"));
    /// ```
    #[doc(alias("delete_user_totp", "remove_totp"))]
    pub fn delete_totp(&self, user_id: &str) -> Request<CredentialRemoved, R> {
        self.request(&DELETE_TOTP, &[user_id])
    }

    /// Delete the backup codes of a user: `DELETE /v1/users/{user_id}/backup_code`.
    ///
    /// If the user has none, nothing changes.
    ///
    /// # Errors
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): This instance has no object with this
    ///   id.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let request = client.users().delete_backup_code("user_1");
    /// assert_eq!((request.method().as_str(), request.path()), ("DELETE", "/v1/users/user_1/backup_code"));
    /// ```
    #[doc(alias("delete_user_backup_codes", "delete_backup_codes"))]
    pub fn delete_backup_code(&self, user_id: &str) -> Request<CredentialRemoved, R> {
        self.request(&DELETE_BACKUP_CODE, &[user_id])
    }

    /// Replace all phone numbers of a user: `PUT /v1/users/{user_id}/phone_number`.
    ///
    /// Deletes every phone number of the user and adds this one as the primary number, never as a second factor. If a
    /// deleted number was a second factor, MFA is off.
    ///
    /// # Errors
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): This instance has no object with this
    ///   id.
    /// - 422 `form_param_format_invalid`: A value does not have the format of its field, such as a number outside every
    ///   numbering plan.
    /// - 422 `form_identifier_exists` ([`is_taken`](crate::Error::is_taken)): Another user of the instance has claimed
    ///   the phone number, or this user has it already.
    ///
    /// ```
    /// # use verger_client::ReplacePhoneNumberParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = ReplacePhoneNumberParams::new("+12015550145");
    /// let request = client.users().replace_user_phone_number("user_1", params);
    /// assert_eq!((request.method().as_str(), request.path()), ("PUT", "/v1/users/user_1/phone_number"));
    /// let body = r#"{"phone_number":"+12015550145"}"#;
    /// assert_eq!(request.body(), Some(body));
    /// ```
    #[doc(alias("set_phone_number", "change_phone_number"))]
    pub fn replace_user_phone_number(
        &self,
        user_id: &str,
        params: ReplacePhoneNumberParams,
    ) -> Request<PhoneNumber, R> {
        self.request(&REPLACE_USER_PHONE_NUMBER, &[user_id]).json(&params)
    }

    /// Replace all email addresses of a user: `PUT /v1/users/{user_id}/email_address`.
    ///
    /// Deletes every email address of the user and adds this one as the primary address.
    ///
    /// # Errors
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): This instance has no object with this
    ///   id.
    /// - 422 `form_param_format_invalid`: A value does not have the format of its field, such as a number outside every
    ///   numbering plan.
    /// - 422 `form_identifier_exists` ([`is_taken`](crate::Error::is_taken)): Another user of the instance has claimed
    ///   the email address, or this user has it already.
    ///
    /// ```
    /// # use verger_client::ReplaceEmailAddressParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = ReplaceEmailAddressParams::new("ada@example.com").identification_status("reserved");
    /// let request = client.users().replace_user_email_address("user_1", params);
    /// assert_eq!((request.method().as_str(), request.path()), ("PUT", "/v1/users/user_1/email_address"));
    /// let body = r#"{"email_address":"ada@example.com","identification_status":"reserved"}"#;
    /// assert_eq!(request.body(), Some(body));
    /// ```
    #[doc(alias("set_email_address", "change_email_address"))]
    pub fn replace_user_email_address(
        &self,
        user_id: &str,
        params: ReplaceEmailAddressParams,
    ) -> Request<EmailAddress, R> {
        self.request(&REPLACE_USER_EMAIL_ADDRESS, &[user_id]).json(&params)
    }
}
