//! The methods of `Client::redirect_urls`.
//!
//! Written by `cargo xtask generate` from the declared operations; do not edit.

use crate::model::{DeletedObject, Page, RedirectUrl};
use crate::operations::{CREATE_REDIRECT_URL, DELETE_REDIRECT_URL, GET_REDIRECT_URL, LIST_REDIRECT_URLS};
use crate::params::{CreateRedirectUrlParams, PageParams};
use crate::request::Request;

resource! {
    /// URLs that native applications may be sent back to; from [`Client::redirect_urls`](crate::Client::redirect_urls).
    RedirectUrls
}

impl<R: Clone> RedirectUrls<R> {
    /// List redirect URLs: `GET /v1/redirect_urls`.
    ///
    /// The URLs that native applications may be sent back to, newest first.
    ///
    /// # Errors
    /// None of its own.
    ///
    /// ```
    /// # use verger_client::PageParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = PageParams::new().limit(50);
    /// let request = client.redirect_urls().list_redirect_urls(params);
    /// assert_eq!((request.method().as_str(), request.path()), ("GET", "/v1/redirect_urls"));
    /// assert_eq!(request.query_string(), "limit=50");
    /// ```
    pub fn list_redirect_urls(&self, params: PageParams) -> Request<Vec<RedirectUrl>, R> {
        self.request(&LIST_REDIRECT_URLS, &[]).params(&params)
    }

    /// As [`list_redirect_urls`](Self::list_redirect_urls), with the number of all: the answer is a page.
    ///
    /// # Errors
    /// Those of [`list_redirect_urls`](Self::list_redirect_urls).
    ///
    /// ```
    /// # use verger_client::PageParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = PageParams::new().limit(50);
    /// let request = client.redirect_urls().list_redirect_urls_page(params);
    /// assert_eq!((request.method().as_str(), request.path()), ("GET", "/v1/redirect_urls"));
    /// assert_eq!(request.query_string(), "limit=50&paginated=true");
    /// ```
    pub fn list_redirect_urls_page(&self, params: PageParams) -> Request<Page<RedirectUrl>, R> {
        self.request(&LIST_REDIRECT_URLS, &[]).params(&params).query("paginated", "true")
    }

    /// Add a redirect URL: `POST /v1/redirect_urls`.
    ///
    /// https, http on this machine, or the scheme of an application.
    ///
    /// # Errors
    /// - 400 `duplicate_record`: The instance has an entry, a redirect URL or an open invitation like it already.
    /// - 403 `quota_exceeded`: The instance has reached its limit of entries of a list, redirect URLs or open
    ///   invitations.
    /// - 422 `form_param_format_invalid`: A value does not have the format of its field, such as a number outside every
    ///   numbering plan.
    /// - 422 `form_param_max_length_exceeded`: A text is longer than its field allows.
    ///
    /// ```
    /// # use verger_client::CreateRedirectUrlParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = CreateRedirectUrlParams::new("com.example.app://signed-in");
    /// let request = client.redirect_urls().create_redirect_url(params);
    /// assert_eq!((request.method().as_str(), request.path()), ("POST", "/v1/redirect_urls"));
    /// let body = r#"{"url":"com.example.app://signed-in"}"#;
    /// assert_eq!(request.body(), Some(body));
    /// ```
    pub fn create_redirect_url(&self, params: CreateRedirectUrlParams) -> Request<RedirectUrl, R> {
        self.request(&CREATE_REDIRECT_URL, &[]).json(&params)
    }

    /// Read a redirect URL: `GET /v1/redirect_urls/{id}`.
    ///
    /// The URL with this id.
    ///
    /// # Errors
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): This instance has no object with this
    ///   id.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let request = client.redirect_urls().get_redirect_url("ru_1");
    /// assert_eq!((request.method().as_str(), request.path()), ("GET", "/v1/redirect_urls/ru_1"));
    /// ```
    pub fn get_redirect_url(&self, id: &str) -> Request<RedirectUrl, R> {
        self.request(&GET_REDIRECT_URL, &[id])
    }

    /// Remove a redirect URL: `DELETE /v1/redirect_urls/{id}`.
    ///
    /// Nothing is sent there any more.
    ///
    /// # Errors
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): This instance has no object with this
    ///   id.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let request = client.redirect_urls().delete_redirect_url("ru_1");
    /// assert_eq!((request.method().as_str(), request.path()), ("DELETE", "/v1/redirect_urls/ru_1"));
    /// ```
    pub fn delete_redirect_url(&self, id: &str) -> Request<DeletedObject, R> {
        self.request(&DELETE_REDIRECT_URL, &[id])
    }
}
