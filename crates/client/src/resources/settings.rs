//! The methods of `Client::settings`.
//!
//! Written by `cargo xtask generate` from the declared operations; do not edit.

use crate::model::InstanceSettings;
use crate::operations::{VERGER_GET_SETTINGS, VERGER_UPDATE_SETTINGS};
use crate::params::UpdateSettingsParams;
use crate::request::Request;

resource! {
    /// What the instance is set to, as one document; from [`Client::settings`](crate::Client::settings). Verger only:
    /// other services answer 404.
    Settings
}

impl<R: Clone> Settings<R> {
    /// Read the settings: `GET /verger/v1/settings`. Verger only.
    ///
    /// Every setting of the instance, whether it was set or not.
    ///
    /// # Errors
    /// None of its own.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let request = client.settings().get_settings();
    /// assert_eq!((request.method().as_str(), request.path()), ("GET", "/verger/v1/settings"));
    /// ```
    pub fn get_settings(&self) -> Request<InstanceSettings, R> {
        self.request(&VERGER_GET_SETTINGS, &[])
    }

    /// Change settings: `PATCH /verger/v1/settings`. Verger only.
    ///
    /// A merge patch: only what it names changes, and null restores a default. A setting that contradicts another is
    /// refused with the reason.
    ///
    /// What is not named stays as it is. [`Patch::Null`](crate::Patch::Null) sets a whole group back to its defaults.
    ///
    /// # Errors
    /// - 403 `feature_not_enabled`: A setting would switch on what Verger does not have yet.
    ///
    /// ```
    /// # use serde_json::json;
    /// # use verger_client::UpdateSettingsParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = UpdateSettingsParams::new().sessions([("lifetime_seconds", json!(86400))]);
    /// let request = client.settings().update_settings(params);
    /// assert_eq!((request.method().as_str(), request.path()), ("PATCH", "/verger/v1/settings"));
    /// let body = r#"{"sessions":{"lifetime_seconds":86400}}"#;
    /// assert_eq!(request.body(), Some(body));
    /// ```
    #[doc(alias("patch_settings", "change_settings"))]
    pub fn update_settings(&self, params: UpdateSettingsParams) -> Request<InstanceSettings, R> {
        self.request(&VERGER_UPDATE_SETTINGS, &[]).json(&params)
    }
}
