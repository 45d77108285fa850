//! Users.

use crate::model::{DeletedObject, EmailAddress, MfaDisabled, PhoneNumber, TotalCount, User};
use crate::operations::{
    BAN_USER, BAN_USERS, CREATE_USER, DELETE_USER, DISABLE_USER_MFA, GET_USER, GET_USER_LIST,
    GET_USERS_COUNT, LOCK_USER, REPLACE_USER_EMAIL_ADDRESS, REPLACE_USER_METADATA, REPLACE_USER_PHONE_NUMBER,
    UNBAN_USER, UNBAN_USERS, UNLOCK_USER, UPDATE_USER, UPDATE_USER_METADATA,
};
use crate::params::{
    CreateUserParams, GetUserListParams, MetadataParams, ReplaceEmailAddressParams, ReplacePhoneNumberParams,
    UpdateUserParams,
};
use crate::request::Request;
use serde_json::json;

resource! {
    /// Operations on users; from [`Client::users`](crate::Client::users).
    ///
    /// All of them can fail with [`is_not_found`](crate::Error::is_not_found) if an id is not of the key's instance.
    Users
}

impl<R: Clone> Users<R> {
    /// One page of users: `GET /v1/users`. For all of them: [`stream_user_list`](Users::stream_user_list), or the iterator of
    /// `blocking`.
    ///
    /// # Errors
    /// 422 for a limit, an order or a cursor that makes no sense.
    ///
    /// ```
    /// # use verger_client::GetUserListParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = GetUserListParams::new().order_by("+created_at");
    /// let request = client.users().get_user_list(params);
    /// assert_eq!(request.query_string(), "order_by=%2Bcreated_at");
    /// ```
    #[doc(alias("list_users", "list", "get_users", "search_users", "find_users"))]
    pub fn get_user_list(&self, params: GetUserListParams) -> Request<Vec<User>, R> {
        self.request(&GET_USER_LIST, &[]).params(&params)
    }

    /// How many users there are: `GET /v1/users/count`. Limit, offset, cursor and order of `params` are not sent.
    ///
    /// # Errors
    /// 422 for a filter that makes no sense.
    ///
    /// ```
    /// # use verger_client::GetUserListParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = GetUserListParams::new().banned(true);
    /// assert_eq!(client.users().get_count(params).query_string(), "banned=true");
    /// ```
    #[doc(alias("count_users", "count", "get_users_count"))]
    pub fn get_count(&self, params: GetUserListParams) -> Request<TotalCount, R> {
        self.request(&GET_USERS_COUNT, &[]).params(&params.filters())
    }

    /// Reads a user: `GET /v1/users/{user_id}`.
    ///
    /// # Errors
    /// 404 if there is no such user.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// assert_eq!(client.users().get_user("user_1").path(), "/v1/users/user_1");
    /// ```
    #[doc(alias("retrieve_user", "fetch_user", "find_user"))]
    pub fn get_user(&self, user_id: &str) -> Request<User, R> {
        self.request(&GET_USER, &[user_id])
    }

    /// Creates a user: `POST /v1/users`. The first number and the first address become primary; all are verified unless stated.
    ///
    /// # Errors
    /// 422 `form_identifier_exists` ([`is_taken`](crate::Error::is_taken)), 422 for a field that makes no sense.
    ///
    /// ```
    /// # use verger_client::CreateUserParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = CreateUserParams::new().phone_number("+12025550100").first_name("Ada");
    /// let request = client.users().create_user(params);
    /// assert_eq!(request.body(), Some(r#"{"first_name":"Ada","phone_number":["+12025550100"]}"#));
    /// ```
    #[doc(alias("add_user", "new_user"))]
    pub fn create_user(&self, params: CreateUserParams) -> Request<User, R> {
        self.request(&CREATE_USER, &[]).json(&params)
    }

    /// Changes a user: `PATCH /v1/users/{user_id}`. What is absent stays; [`Patch::Null`](crate::Patch) removes.
    ///
    /// # Errors
    /// 422 `form_identifier_exists`, 422 if a primary id is not verified or not the user's, 404.
    ///
    /// ```
    /// # use verger_client::{Patch, UpdateUserParams};
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = UpdateUserParams::new().last_name(Patch::Null);
    /// let request = client.users().update_user("user_1", params);
    /// assert_eq!(request.body(), Some(r#"{"last_name":null}"#));
    /// ```
    #[doc(alias("patch_user", "modify_user"))]
    pub fn update_user(&self, user_id: &str, params: UpdateUserParams) -> Request<User, R> {
        self.request(&UPDATE_USER, &[user_id]).json(&params)
    }

    /// Deletes a user: `DELETE /v1/users/{user_id}`.
    ///
    /// # Errors
    /// 404.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// assert_eq!(client.users().delete_user("user_1").method().as_str(), "DELETE");
    /// ```
    #[doc(alias("remove_user"))]
    pub fn delete_user(&self, user_id: &str) -> Request<DeletedObject, R> {
        self.request(&DELETE_USER, &[user_id])
    }

    /// Merges metadata: `PATCH /v1/users/{user_id}/metadata`. A `null` inside removes its key.
    ///
    /// # Errors
    /// 422 if an object is too large, 404.
    ///
    /// ```
    /// # use verger_client::MetadataParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = MetadataParams::new().public_metadata([("plan", "pro")]);
    /// let request = client.users().update_user_metadata("user_1", params);
    /// assert_eq!(request.body(), Some(r#"{"public_metadata":{"plan":"pro"}}"#));
    /// ```
    #[doc(alias("merge_metadata", "patch_metadata", "update_metadata"))]
    pub fn update_user_metadata(&self, user_id: &str, params: MetadataParams) -> Request<User, R> {
        self.request(&UPDATE_USER_METADATA, &[user_id]).json(&params)
    }

    /// Replaces metadata: `PUT /v1/users/{user_id}/metadata`. An object that is `None` stays as it is.
    ///
    /// # Errors
    /// 422 if an object is too large, 404.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let request = client.users().replace_user_metadata("user_1", Default::default());
    /// assert_eq!(request.path(), "/v1/users/user_1/metadata");
    /// ```
    #[doc(alias("set_metadata", "put_metadata"))]
    pub fn replace_user_metadata(&self, user_id: &str, params: MetadataParams) -> Request<User, R> {
        self.request(&REPLACE_USER_METADATA, &[user_id]).json(&params)
    }

    /// Makes a number the user's only one, and primary: `PUT /v1/users/{user_id}/phone_number`. It is never a second factor: if one
    /// of the former numbers was, multi-factor authentication is off.
    ///
    /// # Errors
    /// 422 `form_identifier_exists` ([`is_taken`](crate::Error::is_taken)), 422 `form_param_format_invalid`, 404.
    ///
    /// ```
    /// # use verger_client::ReplacePhoneNumberParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = ReplacePhoneNumberParams::new("+12025550100");
    /// let request = client.users().replace_user_phone_number("user_1", params);
    /// assert_eq!(request.path(), "/v1/users/user_1/phone_number");
    /// ```
    #[doc(alias("set_phone_number", "change_phone_number"))]
    pub fn replace_user_phone_number(
        &self,
        user_id: &str,
        params: ReplacePhoneNumberParams,
    ) -> Request<PhoneNumber, R> {
        self.request(&REPLACE_USER_PHONE_NUMBER, &[user_id]).json(&params)
    }

    /// Makes an address the user's only one, and primary: `PUT /v1/users/{user_id}/email_address`.
    ///
    /// # Errors
    /// 422 `form_identifier_exists` ([`is_taken`](crate::Error::is_taken)), 422 `form_param_format_invalid`, 404.
    ///
    /// ```
    /// # use verger_client::ReplaceEmailAddressParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = ReplaceEmailAddressParams::new("ada@example.com");
    /// let request = client.users().replace_user_email_address("user_1", params);
    /// assert_eq!(request.path(), "/v1/users/user_1/email_address");
    /// ```
    #[doc(alias("set_email_address", "change_email_address"))]
    pub fn replace_user_email_address(
        &self,
        user_id: &str,
        params: ReplaceEmailAddressParams,
    ) -> Request<EmailAddress, R> {
        self.request(&REPLACE_USER_EMAIL_ADDRESS, &[user_id]).json(&params)
    }

    /// Bans a user, who may not sign in any more: `POST /v1/users/{user_id}/ban`.
    ///
    /// # Errors
    /// 404.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// assert_eq!(client.users().ban_user("user_1").path(), "/v1/users/user_1/ban");
    /// ```
    #[doc(alias("block_user"))]
    pub fn ban_user(&self, user_id: &str) -> Request<User, R> {
        self.request(&BAN_USER, &[user_id])
    }

    /// Ends a ban: `POST /v1/users/{user_id}/unban`.
    ///
    /// # Errors
    /// 404.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// assert_eq!(client.users().unban_user("user_1").path(), "/v1/users/user_1/unban");
    /// ```
    #[doc(alias("unblock_user"))]
    pub fn unban_user(&self, user_id: &str) -> Request<User, R> {
        self.request(&UNBAN_USER, &[user_id])
    }

    /// Locks a user, who may not sign in until unlocked: `POST /v1/users/{user_id}/lock`.
    ///
    /// # Errors
    /// 404.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// assert_eq!(client.users().lock_user("user_1").path(), "/v1/users/user_1/lock");
    /// ```
    pub fn lock_user(&self, user_id: &str) -> Request<User, R> {
        self.request(&LOCK_USER, &[user_id])
    }

    /// Ends a lock: `POST /v1/users/{user_id}/unlock`.
    ///
    /// # Errors
    /// 404.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// assert_eq!(client.users().unlock_user("user_1").path(), "/v1/users/user_1/unlock");
    /// ```
    pub fn unlock_user(&self, user_id: &str) -> Request<User, R> {
        self.request(&UNLOCK_USER, &[user_id])
    }

    /// Bans 1 to 50 users, all or none: `POST /v1/users/ban`.
    ///
    /// # Errors
    /// 404 if one of them does not exist, 422 for none or more than 50.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let request = client.users().ban_users(&["user_1", "user_2"]);
    /// assert_eq!(request.body(), Some(r#"{"user_ids":["user_1","user_2"]}"#));
    /// ```
    #[doc(alias("users_ban"))]
    pub fn ban_users(&self, user_ids: &[&str]) -> Request<Vec<User>, R> {
        self.request(&BAN_USERS, &[]).json(&json!({ "user_ids": user_ids }))
    }

    /// Ends the bans of 1 to 50 users, all or none: `POST /v1/users/unban`.
    ///
    /// # Errors
    /// 404 if one of them does not exist, 422 for none or more than 50.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let request = client.users().unban_users(&["user_1", "user_2"]);
    /// assert_eq!(request.body(), Some(r#"{"user_ids":["user_1","user_2"]}"#));
    /// ```
    #[doc(alias("users_unban"))]
    pub fn unban_users(&self, user_ids: &[&str]) -> Request<Vec<User>, R> {
        self.request(&UNBAN_USERS, &[]).json(&json!({ "user_ids": user_ids }))
    }

    /// Takes all second factors of a user away: `DELETE /v1/users/{user_id}/mfa`.
    ///
    /// # Errors
    /// 404.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// assert_eq!(client.users().disable_user_mfa("user_1").path(), "/v1/users/user_1/mfa");
    /// ```
    #[doc(alias("disable_mfa", "reset_mfa", "delete_mfa"))]
    pub fn disable_user_mfa(&self, user_id: &str) -> Request<MfaDisabled, R> {
        self.request(&DISABLE_USER_MFA, &[user_id])
    }
}
