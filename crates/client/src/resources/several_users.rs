//! Counting users, and banning several at once: what takes something else than its parameters.

use crate::model::{TotalCount, User};
use crate::operations::{GET_USERS_COUNT, USERS_BAN, USERS_UNBAN};
use crate::params::GetUserListParams;
use crate::request::Request;
use crate::resources::Users;
use serde_json::json;

impl<R: Clone> Users<R> {
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
        self.request(&USERS_BAN, &[]).json(&json!({ "user_ids": user_ids }))
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
        self.request(&USERS_UNBAN, &[]).json(&json!({ "user_ids": user_ids }))
    }
}
