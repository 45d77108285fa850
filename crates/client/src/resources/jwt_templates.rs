//! The methods of `Client::jwt_templates`.
//!
//! Written by `cargo xtask generate` from the declared operations; do not edit.

use crate::model::{DeletedObject, JwtTemplate, Page};
use crate::operations::{
    CREATE_JWT_TEMPLATE, DELETE_JWT_TEMPLATE, GET_JWT_TEMPLATE, LIST_JWT_TEMPLATES, UPDATE_JWT_TEMPLATE,
};
use crate::params::{JwtTemplateParams, PageParams};
use crate::request::Request;

resource! {
    /// Claims of an application's own, in session tokens or in tokens beside them; from
    /// [`Client::jwt_templates`](crate::Client::jwt_templates).
    JwtTemplates
}

impl<R: Clone> JwtTemplates<R> {
    /// List JWT templates: `GET /v1/jwt_templates`.
    ///
    /// The newest first. With `paginated=true` the answer is `{"data": […], "total_count": …}`.
    ///
    /// # Errors
    /// None of its own.
    ///
    /// ```
    /// # use verger_client::PageParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = PageParams::new().limit(50);
    /// let request = client.jwt_templates().list_jwt_templates(params);
    /// assert_eq!((request.method().as_str(), request.path()), ("GET", "/v1/jwt_templates"));
    /// assert_eq!(request.query_string(), "limit=50");
    /// ```
    pub fn list_jwt_templates(&self, params: PageParams) -> Request<Vec<JwtTemplate>, R> {
        self.request(&LIST_JWT_TEMPLATES, &[]).params(&params)
    }

    /// As [`list_jwt_templates`](Self::list_jwt_templates), with the number of all: the answer is a page.
    ///
    /// # Errors
    /// Those of [`list_jwt_templates`](Self::list_jwt_templates).
    ///
    /// ```
    /// # use verger_client::PageParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = PageParams::new().limit(50);
    /// let request = client.jwt_templates().list_jwt_templates_page(params);
    /// assert_eq!((request.method().as_str(), request.path()), ("GET", "/v1/jwt_templates"));
    /// assert_eq!(request.query_string(), "limit=50&paginated=true");
    /// ```
    pub fn list_jwt_templates_page(&self, params: PageParams) -> Request<Page<JwtTemplate>, R> {
        self.request(&LIST_JWT_TEMPLATES, &[]).params(&params).query("paginated", "true")
    }

    /// Create a JWT template: `POST /v1/jwt_templates`.
    ///
    /// Shortcodes such as `{{user.id}}` in the texts of its claims are replaced when a token is minted. The template
    /// named `__session` is the session token's.
    ///
    /// # Errors
    /// - 400 `jwt_template_reserved_claim`: A JWT template sets a claim that Verger sets, or that means something to an
    ///   SDK.
    /// - 403 `quota_exceeded`: The instance has reached its limit of 100 JWT templates.
    /// - 422 `form_param_exceeds_allowed_size`: The claims of a JWT template have more than 1200 bytes of JSON without
    ///   their shortcodes.
    /// - 422 `form_identifier_exists` ([`is_taken`](crate::Error::is_taken)): The instance has a JWT template with this
    ///   name.
    /// - 422 `form_param_value_invalid`: The template of the session token has a custom signing key.
    /// - 422 `form_param_value_invalid`: The signing key of a JWT template does not fit its algorithm.
    /// - 422 `form_param_format_invalid`: A value does not have the format of its field, such as a number outside every
    ///   numbering plan.
    /// - 422 `form_param_max_length_exceeded`: A text is longer than its field allows.
    /// - 422 `form_param_min_length_exceeded`: A value is empty where an empty string is not allowed, such as
    ///   `external_id`.
    /// - 422 `form_param_exceeds_allowed_size`: A metadata object would have more than 8192 bytes of JSON (after a
    ///   merge, the merged one), or the `actor` of an actor token more than 1200.
    ///
    /// ```
    /// # use verger_client::JwtTemplateParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = JwtTemplateParams::new("billing", [("plan", "{{user.public_metadata.plan}}")]).lifetime(60);
    /// let request = client.jwt_templates().create_jwt_template(params);
    /// assert_eq!((request.method().as_str(), request.path()), ("POST", "/v1/jwt_templates"));
    /// let body = r#"{"name":"billing","claims":{"plan":"{{user.public_metadata.plan}}"},"lifetime":60}"#;
    /// assert_eq!(request.body(), Some(body));
    /// ```
    pub fn create_jwt_template(&self, params: JwtTemplateParams) -> Request<JwtTemplate, R> {
        self.request(&CREATE_JWT_TEMPLATE, &[]).json(&params)
    }

    /// Read a JWT template: `GET /v1/jwt_templates/{template_id}`.
    ///
    /// Without its key.
    ///
    /// # Errors
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): This instance has no object with this
    ///   id.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let request = client.jwt_templates().get_jwt_template("jtmp_1");
    /// assert_eq!((request.method().as_str(), request.path()), ("GET", "/v1/jwt_templates/jtmp_1"));
    /// ```
    pub fn get_jwt_template(&self, template_id: &str) -> Request<JwtTemplate, R> {
        self.request(&GET_JWT_TEMPLATE, &[template_id])
    }

    /// Update a JWT template: `PATCH /v1/jwt_templates/{template_id}`.
    ///
    /// Replaces the template: a field that is left out has its default again. With `custom_signing_key` and the same
    /// `signing_algorithm` it keeps its own key; without `custom_signing_key` the key is deleted, and the instance's
    /// signs.
    ///
    /// # Errors
    /// - 400 `jwt_template_reserved_claim`: A JWT template sets a claim that Verger sets, or that means something to an
    ///   SDK.
    /// - 403 `session_token_jwt_template`: The template of the session token is deleted or renamed.
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): This instance has no object with this
    ///   id.
    /// - 422 `form_param_exceeds_allowed_size`: The claims of a JWT template have more than 1200 bytes of JSON without
    ///   their shortcodes.
    /// - 422 `form_identifier_exists` ([`is_taken`](crate::Error::is_taken)): The instance has a JWT template with this
    ///   name.
    /// - 422 `form_param_value_invalid`: The template of the session token has a custom signing key.
    /// - 422 `form_param_value_invalid`: The signing key of a JWT template does not fit its algorithm.
    /// - 422 `form_param_format_invalid`: A value does not have the format of its field, such as a number outside every
    ///   numbering plan.
    /// - 422 `form_param_max_length_exceeded`: A text is longer than its field allows.
    /// - 422 `form_param_min_length_exceeded`: A value is empty where an empty string is not allowed, such as
    ///   `external_id`.
    /// - 422 `form_param_exceeds_allowed_size`: A metadata object would have more than 8192 bytes of JSON (after a
    ///   merge, the merged one), or the `actor` of an actor token more than 1200.
    ///
    /// ```
    /// # use verger_client::JwtTemplateParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = JwtTemplateParams::new("billing", [("plan", "{{user.public_metadata.plan}}")]).lifetime(60);
    /// let request = client.jwt_templates().update_jwt_template("jtmp_1", params);
    /// assert_eq!((request.method().as_str(), request.path()), ("PATCH", "/v1/jwt_templates/jtmp_1"));
    /// let body = r#"{"name":"billing","claims":{"plan":"{{user.public_metadata.plan}}"},"lifetime":60}"#;
    /// assert_eq!(request.body(), Some(body));
    /// ```
    pub fn update_jwt_template(
        &self,
        template_id: &str,
        params: JwtTemplateParams,
    ) -> Request<JwtTemplate, R> {
        self.request(&UPDATE_JWT_TEMPLATE, &[template_id]).json(&params)
    }

    /// Delete a JWT template: `DELETE /v1/jwt_templates/{template_id}`.
    ///
    /// Its tokens stay valid until they expire. The template of the session token cannot be deleted.
    ///
    /// # Errors
    /// - 403 `session_token_jwt_template`: The template of the session token is deleted or renamed.
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): This instance has no object with this
    ///   id.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let request = client.jwt_templates().delete_jwt_template("jtmp_1");
    /// assert_eq!((request.method().as_str(), request.path()), ("DELETE", "/v1/jwt_templates/jtmp_1"));
    /// ```
    pub fn delete_jwt_template(&self, template_id: &str) -> Request<DeletedObject, R> {
        self.request(&DELETE_JWT_TEMPLATE, &[template_id])
    }
}
