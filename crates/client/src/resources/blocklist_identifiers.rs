//! The methods of `Client::blocklist_identifiers`.
//!
//! Written by `cargo xtask generate` from the declared operations; do not edit.

use crate::model::{BlocklistIdentifier, DeletedObject, Page};
use crate::operations::{
    CREATE_BLOCKLIST_IDENTIFIER, DELETE_BLOCKLIST_IDENTIFIER, LIST_BLOCKLIST_IDENTIFIERS,
};
use crate::params::{CreateBlocklistIdentifierParams, PageParams};
use crate::request::Request;

resource! {
    /// Identifiers that may not sign up; from [`Client::blocklist_identifiers`](crate::Client::blocklist_identifiers).
    BlocklistIdentifiers
}

impl<R: Clone> BlocklistIdentifiers<R> {
    /// List the block-list: `GET /v1/blocklist_identifiers`.
    ///
    /// The identifiers that may not sign up or sign in while the block-list is on, newest first.
    ///
    /// # Errors
    /// None of its own.
    ///
    /// ```
    /// # use verger_client::PageParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = PageParams::new().limit(50);
    /// let request = client.blocklist_identifiers().list_blocklist_identifiers(params);
    /// assert_eq!((request.method().as_str(), request.path()), ("GET", "/v1/blocklist_identifiers"));
    /// assert_eq!(request.query_string(), "limit=50");
    /// ```
    pub fn list_blocklist_identifiers(&self, params: PageParams) -> Request<Page<BlocklistIdentifier>, R> {
        self.request(&LIST_BLOCKLIST_IDENTIFIERS, &[]).params(&params)
    }

    /// Add to the block-list: `POST /v1/blocklist_identifiers`.
    ///
    /// An email address, a whole domain or a phone number.
    ///
    /// # Errors
    /// - 400 `duplicate_record`: The instance has an entry, a redirect URL or an open invitation like it already.
    /// - 403 `quota_exceeded`: The instance has reached its limit of entries of a list, redirect URLs or open
    ///   invitations.
    /// - 422 `form_param_format_invalid`: A value does not have the format of its field, such as a number outside every
    ///   numbering plan.
    /// - 422 `form_param_max_length_exceeded`: A text is longer than its field allows.
    /// - 422 `form_param_format_invalid`: A phone number has fewer than 7 or more than 15 digits.
    ///
    /// ```
    /// # use verger_client::CreateBlocklistIdentifierParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = CreateBlocklistIdentifierParams::new("*@example.com");
    /// let request = client.blocklist_identifiers().create_blocklist_identifier(params);
    /// assert_eq!((request.method().as_str(), request.path()), ("POST", "/v1/blocklist_identifiers"));
    /// let body = r#"{"identifier":"*@example.com"}"#;
    /// assert_eq!(request.body(), Some(body));
    /// ```
    pub fn create_blocklist_identifier(
        &self,
        params: CreateBlocklistIdentifierParams,
    ) -> Request<BlocklistIdentifier, R> {
        self.request(&CREATE_BLOCKLIST_IDENTIFIER, &[]).json(&params)
    }

    /// Remove from the block-list: `DELETE /v1/blocklist_identifiers/{identifier_id}`.
    ///
    /// Whoever has the identifier may come again.
    ///
    /// # Errors
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): This instance has no object with this
    ///   id.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let request = client.blocklist_identifiers().delete_blocklist_identifier("alid_1");
    /// let path = "/v1/blocklist_identifiers/alid_1";
    /// assert_eq!((request.method().as_str(), request.path()), ("DELETE", path));
    /// ```
    pub fn delete_blocklist_identifier(&self, identifier_id: &str) -> Request<DeletedObject, R> {
        self.request(&DELETE_BLOCKLIST_IDENTIFIER, &[identifier_id])
    }
}
