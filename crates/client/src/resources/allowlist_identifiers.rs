//! The methods of `Client::allowlist_identifiers`.
//!
//! Written by `cargo xtask generate` from the declared operations; do not edit.

use crate::model::{AllowlistIdentifier, DeletedObject, Page};
use crate::operations::{
    CREATE_ALLOWLIST_IDENTIFIER, DELETE_ALLOWLIST_IDENTIFIER, LIST_ALLOWLIST_IDENTIFIERS,
};
use crate::params::{CreateAllowlistIdentifierParams, PageParams};
use crate::request::Request;

resource! {
    /// Identifiers that may sign up; from [`Client::allowlist_identifiers`](crate::Client::allowlist_identifiers).
    AllowlistIdentifiers
}

impl<R: Clone> AllowlistIdentifiers<R> {
    /// List the allow-list: `GET /v1/allowlist_identifiers`.
    ///
    /// The identifiers that may sign up while the allow-list is on, newest first.
    ///
    /// # Errors
    /// None of its own.
    ///
    /// ```
    /// # use verger_client::PageParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = PageParams::new().limit(50);
    /// let request = client.allowlist_identifiers().list_allowlist_identifiers(params);
    /// assert_eq!((request.method().as_str(), request.path()), ("GET", "/v1/allowlist_identifiers"));
    /// assert_eq!(request.query_string(), "limit=50");
    /// ```
    pub fn list_allowlist_identifiers(&self, params: PageParams) -> Request<Vec<AllowlistIdentifier>, R> {
        self.request(&LIST_ALLOWLIST_IDENTIFIERS, &[]).params(&params)
    }

    /// As [`list_allowlist_identifiers`](Self::list_allowlist_identifiers), with the number of all: the answer is a
    /// page.
    ///
    /// # Errors
    /// Those of [`list_allowlist_identifiers`](Self::list_allowlist_identifiers).
    ///
    /// ```
    /// # use verger_client::PageParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = PageParams::new().limit(50);
    /// let request = client.allowlist_identifiers().list_allowlist_identifiers_page(params);
    /// assert_eq!((request.method().as_str(), request.path()), ("GET", "/v1/allowlist_identifiers"));
    /// assert_eq!(request.query_string(), "limit=50&paginated=true");
    /// ```
    pub fn list_allowlist_identifiers_page(
        &self,
        params: PageParams,
    ) -> Request<Page<AllowlistIdentifier>, R> {
        self.request(&LIST_ALLOWLIST_IDENTIFIERS, &[]).params(&params).query("paginated", "true")
    }

    /// Add to the allow-list: `POST /v1/allowlist_identifiers`.
    ///
    /// An email address, a whole domain or a phone number. With `notify` an invitation is made too.
    ///
    /// # Errors
    /// - 400 `duplicate_record`: The instance has an entry, a redirect URL or an open invitation like it already.
    /// - 400 `request_invalid_for_instance`: The answer would name a frontend host, and the instance has none.
    /// - 400 `sms_send_error`: No sender is configured.
    /// - 403 `quota_exceeded`: The instance has reached its limit of entries of a list, redirect URLs or open
    ///   invitations.
    /// - 422 `form_param_format_invalid`: A value does not have the format of its field, such as a number outside every
    ///   numbering plan.
    /// - 422 `form_param_max_length_exceeded`: A text is longer than its field allows.
    /// - 422 `form_param_format_invalid`: A phone number has fewer than 7 or more than 15 digits.
    ///
    /// ```
    /// # use verger_client::CreateAllowlistIdentifierParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = CreateAllowlistIdentifierParams::new("ada@example.com");
    /// let request = client.allowlist_identifiers().create_allowlist_identifier(params);
    /// assert_eq!((request.method().as_str(), request.path()), ("POST", "/v1/allowlist_identifiers"));
    /// let body = r#"{"identifier":"ada@example.com"}"#;
    /// assert_eq!(request.body(), Some(body));
    /// ```
    pub fn create_allowlist_identifier(
        &self,
        params: CreateAllowlistIdentifierParams,
    ) -> Request<AllowlistIdentifier, R> {
        self.request(&CREATE_ALLOWLIST_IDENTIFIER, &[]).json(&params)
    }

    /// Remove from the allow-list: `DELETE /v1/allowlist_identifiers/{identifier_id}`.
    ///
    /// Users who exist stay.
    ///
    /// # Errors
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): This instance has no object with this
    ///   id.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let request = client.allowlist_identifiers().delete_allowlist_identifier("alid_1");
    /// let path = "/v1/allowlist_identifiers/alid_1";
    /// assert_eq!((request.method().as_str(), request.path()), ("DELETE", path));
    /// ```
    pub fn delete_allowlist_identifier(&self, identifier_id: &str) -> Request<DeletedObject, R> {
        self.request(&DELETE_ALLOWLIST_IDENTIFIER, &[identifier_id])
    }
}
