//! How parameters are put together without `Some(…)` and `..Default::default()`.

use crate::access::{
    CreateAllowlistIdentifierParams, CreateBlocklistIdentifierParams, CreateInvitationParams,
    CreateRedirectUrlParams,
};
use crate::client::VerifyClientParams;
use crate::email_address::{CreateEmailAddressParams, ReplaceEmailAddressParams, UpdateEmailAddressParams};
use crate::instance::{
    RetireSigningKeyParams, RotateSigningKeyParams, UpdateBetaInstanceSettingsParams,
    UpdateInstanceCommunicationParams, UpdateInstanceParams, UpdateInstanceRestrictionsParams,
};
use crate::json::Object;
use crate::jwt_template::JwtTemplateParams;
use crate::phone_number::{CreatePhoneNumberParams, ReplacePhoneNumberParams, UpdatePhoneNumberParams};
use crate::session::{CreateSessionParams, CreateSessionTokenParams, RefreshSessionParams};
use crate::settings::UpdateSettingsParams;
use crate::ticket::{CreateActorTokenParams, CreateSignInTokenParams};
use crate::user::{
    CreateUserParams, MetadataParams, RemovePasswordParams, SetCompromisedParams, UpdateUserParams,
    VerifyPasswordParams, VerifyTotpParams,
};
use crate::{Patch, UnixMillis};

/// `new`, and a method for each field that can be left out, which takes and gives the whole. For the crates of Verger.
///
/// Before each field stands what its method takes: `value` a value of the type that follows, `text` any text, `push` one more
/// text of a list, `texts` a whole list, `patch` any text or a [`Patch`], `object` the entries of a JSON object, `group` those
/// that change of a group of settings. Without `new(…)` the type has a `new` of its own.
#[doc(hidden)]
#[macro_export]
macro_rules! setters {
    ($type:ident, new($($required:ident),*) { $($kind:ident $name:ident $(: $value:ty)?;)* }) => {
        impl $type {
            /// Parameters with what is needed, and nothing else.
            #[must_use]
            pub fn new($($required: impl Into<String>),*) -> Self {
                Self { $($required: $required.into(),)* ..Self::default() }
            }
        }

        $crate::setters! { $type { $($kind $name $(: $value)?;)* } }
    };
    ($type:ident { $($kind:ident $name:ident $(: $value:ty)?;)* }) => {
        impl $type {
            $($crate::setters! { @ $kind $name $(: $value)? })*
        }
    };
    (@ value $name:ident: $value:ty) => {
        #[doc = concat!("Sets [`", stringify!($name), "`](#structfield.", stringify!($name), ").")]
        #[must_use]
        pub fn $name(mut self, value: $value) -> Self {
            self.$name = value.into();
            self
        }
    };
    (@ text $name:ident) => {
        #[doc = concat!("Sets [`", stringify!($name), "`](#structfield.", stringify!($name), ").")]
        #[must_use]
        pub fn $name(mut self, text: impl Into<String>) -> Self {
            self.$name = Some(text.into());
            self
        }
    };
    (@ push $name:ident) => {
        #[doc = concat!("Adds one to [`", stringify!($name), "`](#structfield.", stringify!($name), ").")]
        #[must_use]
        pub fn $name(mut self, text: impl Into<String>) -> Self {
            self.$name.push(text.into());
            self
        }
    };
    (@ texts $name:ident) => {
        #[doc = concat!("Sets [`", stringify!($name), "`](#structfield.", stringify!($name), ") as a whole.")]
        #[must_use]
        pub fn $name<T: Into<String>>(mut self, texts: impl IntoIterator<Item = T>) -> Self {
            self.$name = Some(texts.into_iter().map(Into::into).collect());
            self
        }
    };
    (@ patch $name:ident) => {
        #[doc = concat!("Sets [`", stringify!($name), "`](#structfield.", stringify!($name), ");")]
        /// [`Patch::Null`] removes it.
        #[must_use]
        pub fn $name(mut self, value: impl Into<$crate::Patch<String>>) -> Self {
            self.$name = value.into();
            self
        }
    };
    (@ object $name:ident) => {
        #[doc = concat!("Sets [`", stringify!($name), "`](#structfield.", stringify!($name), ").")]
        #[must_use]
        pub fn $name<K: Into<String>, V: Into<serde_json::Value>>(
            mut self,
            entries: impl IntoIterator<Item = (K, V)>,
        ) -> Self {
            let map = entries.into_iter().map(|(key, value)| (key.into(), value.into()));
            self.$name = Some(map.collect::<serde_json::Map<_, _>>().into());
            self
        }
    };
    (@ group $name:ident) => {
        #[doc = concat!("Changes these fields of [`", stringify!($name), "`](#structfield.", stringify!($name), ");")]
        /// null sets a field back to its default.
        #[must_use]
        pub fn $name<K: Into<String>, V: Into<serde_json::Value>>(
            mut self,
            entries: impl IntoIterator<Item = (K, V)>,
        ) -> Self {
            let map = entries.into_iter().map(|(key, value)| (key.into(), value.into()));
            self.$name = $crate::Patch::Set(map.collect::<serde_json::Map<_, _>>().into());
            self
        }
    };
}

/// The entries of a JSON object that must be there.
fn object<K: Into<String>, V: Into<serde_json::Value>>(entries: impl IntoIterator<Item = (K, V)>) -> Object {
    let map = entries.into_iter().map(|(key, value)| (key.into(), value.into()));
    map.collect::<serde_json::Map<_, _>>().into()
}

impl From<String> for Patch<String> {
    fn from(text: String) -> Self {
        Self::Set(text)
    }
}

impl From<&str> for Patch<String> {
    fn from(text: &str) -> Self {
        Self::Set(text.to_owned())
    }
}

setters! { CreatePhoneNumberParams, new(user_id, phone_number) {
    value verified: bool;
    value primary: bool;
    value reserved_for_second_factor: bool;
} }

setters! { UpdatePhoneNumberParams, new() {
    value verified: bool;
    value primary: bool;
    value reserved_for_second_factor: bool;
} }

setters! { ReplacePhoneNumberParams, new(phone_number) {
    text identification_status;
} }

setters! { CreateEmailAddressParams, new(user_id, email_address) {
    value verified: bool;
    value primary: bool;
} }

setters! { UpdateEmailAddressParams, new() {
    value verified: bool;
    value primary: bool;
} }

setters! { ReplaceEmailAddressParams, new(email_address) {
    text identification_status;
} }

setters! { CreateUserParams, new() {
    text external_id;
    text first_name;
    text last_name;
    text locale;
    push email_address;
    push email_address_identification_status;
    push phone_number;
    push phone_number_identification_status;
    text username;
    object public_metadata;
    object private_metadata;
    object unsafe_metadata;
    value delete_self_enabled: bool;
    value create_organization_enabled: bool;
    value create_organizations_limit: i64;
    text legal_accepted_at;
    text created_at;
    value skip_user_requirement: bool;
    value bypass_client_trust: bool;
    value banned: bool;
    value locked: bool;
    text password;
    text password_digest;
    text password_hasher;
    value skip_password_checks: bool;
    value skip_password_requirement: bool;
    text totp_secret;
    push backup_codes;
} }

setters! { UpdateUserParams, new() {
    patch external_id;
    patch first_name;
    patch last_name;
    patch locale;
    text primary_email_address_id;
    text primary_phone_number_id;
    patch username;
    object public_metadata;
    object private_metadata;
    object unsafe_metadata;
    value delete_self_enabled: bool;
    value create_organization_enabled: bool;
    value create_organizations_limit: Patch<i64>;
    patch legal_accepted_at;
    text created_at;
    value bypass_client_trust: bool;
    text password;
    text password_digest;
    text password_hasher;
    value skip_password_checks: bool;
    value sign_out_of_other_sessions: bool;
    text totp_secret;
    push backup_codes;
} }

impl VerifyPasswordParams {
    /// Parameters with the password to compare.
    #[must_use]
    pub fn new(password: impl Into<String>) -> Self {
        Self { password: password.into() }
    }
}

impl VerifyTotpParams {
    /// Parameters with the code to compare.
    #[must_use]
    pub fn new(code: impl Into<String>) -> Self {
        Self { code: code.into() }
    }
}

setters! { RemovePasswordParams, new() {
    value sign_out_of_other_sessions: bool;
} }

setters! { SetCompromisedParams, new() {
    value revoke_all_sessions: bool;
} }

setters! { MetadataParams, new() {
    object public_metadata;
    object private_metadata;
    object unsafe_metadata;
} }

impl CreateSessionParams {
    /// Parameters with who is to be signed in.
    #[must_use]
    pub fn new(user_id: impl Into<String>) -> Self {
        Self { user_id: user_id.into() }
    }
}

setters! { CreateSessionTokenParams, new() {
    value expires_in_seconds: i64;
} }

setters! { RefreshSessionParams, new(expired_token, refresh_token, request_origin) {
    object request_headers;
    text format;
    text request_originating_ip;
} }

impl VerifyClientParams {
    /// Parameters with the value of the cookie.
    #[must_use]
    pub fn new(token: impl Into<String>) -> Self {
        Self { token: token.into() }
    }
}

impl JwtTemplateParams {
    /// Parameters with what is needed: the name, and the claims as entries of a JSON object.
    #[must_use]
    pub fn new<K: Into<String>, V: Into<serde_json::Value>>(
        name: impl Into<String>,
        claims: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        Self { name: name.into(), claims: object(claims), ..Self::default() }
    }
}

setters! { JwtTemplateParams {
    value lifetime: i64;
    value allowed_clock_skew: i64;
    value custom_signing_key: bool;
    text signing_algorithm;
    text signing_key;
} }

setters! { CreateSignInTokenParams, new(user_id) {
    value expires_in_seconds: i64;
} }

impl CreateActorTokenParams {
    /// Parameters with what is needed: as whom somebody acts, and who that is as entries of a JSON object, of which `sub` is
    /// one.
    #[must_use]
    pub fn new<K: Into<String>, V: Into<serde_json::Value>>(
        user_id: impl Into<String>,
        actor: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        Self { user_id: user_id.into(), actor: object(actor), ..Self::default() }
    }
}

setters! { CreateActorTokenParams {
    value expires_in_seconds: i64;
    value session_max_duration_in_seconds: i64;
} }

setters! { CreateInvitationParams, new(email_address) {
    object public_metadata;
    text redirect_url;
    value notify: bool;
    value ignore_existing: bool;
    value expires_in_days: i64;
    text template_slug;
} }

setters! { CreateAllowlistIdentifierParams, new(identifier) {
    value notify: bool;
} }

impl CreateBlocklistIdentifierParams {
    /// Parameters with the identifier.
    #[must_use]
    pub fn new(identifier: impl Into<String>) -> Self {
        Self { identifier: identifier.into() }
    }
}

impl CreateRedirectUrlParams {
    /// Parameters with the URL.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into() }
    }
}

setters! { UpdateInstanceParams, new() {
    value test_mode: bool;
    text support_email;
    text clerk_js_version;
    texts allowed_origins;
    text preferred_sign_in_strategy_when_password_required;
} }

setters! { UpdateInstanceRestrictionsParams, new() {
    value allowlist: bool;
    value blocklist: bool;
    value allowlist_blocklist_disabled_on_sign_in: bool;
    value block_email_subaddresses: bool;
    value block_disposable_email_domains: bool;
} }

setters! { UpdateInstanceCommunicationParams, new() {
    texts blocked_country_codes;
} }

setters! { UpdateBetaInstanceSettingsParams, new() {
    value restricted_to_allowlist: bool;
    value progressive_sign_up: bool;
    value test_mode: bool;
} }

impl RotateSigningKeyParams {
    /// Parameters of a key that signs an hour from now.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets [`signs_at`](#structfield.signs_at).
    #[must_use]
    pub fn signs_at(mut self, value: UnixMillis) -> Self {
        self.signs_at = Some(value.0);
        self
    }
}

setters! { RetireSigningKeyParams, new() {
    value now: bool;
} }

setters! { UpdateSettingsParams, new() {
    group attributes;
    group first_factors;
    group second_factors;
    group sign_up;
    group restrictions;
    group sessions;
    group password;
    group username;
    group attack_protection;
    group actions;
    group notifications;
    group communication;
    group frontend;
    group display;
    group organizations;
} }

#[cfg(test)]
mod tests {
    use super::*;

    fn text(params: &impl serde::Serialize) -> String {
        serde_json::to_string(params).expect("serializable")
    }

    #[test]
    fn methods_write_what_fields_write() {
        let made = CreatePhoneNumberParams::new("user_1", "+12025550100").verified(true);
        assert_eq!(text(&made), r#"{"user_id":"user_1","phone_number":"+12025550100","verified":true}"#);
        let made = CreateUserParams::new()
            .email_address("a@example.com")
            .email_address("b@example.com")
            .first_name("Ada")
            .public_metadata([("plan", "pro")])
            .create_organizations_limit(3);
        assert_eq!(
            text(&made),
            r#"{"first_name":"Ada","email_address":["a@example.com","b@example.com"],"public_metadata":{"plan":"pro"},"create_organizations_limit":3}"#
        );
        let made = UpdateUserParams::new()
            .first_name("Ada")
            .last_name(Patch::Null)
            .create_organizations_limit(Patch::Null);
        assert_eq!(text(&made), r#"{"first_name":"Ada","last_name":null,"create_organizations_limit":null}"#);
        assert_eq!(text(&UpdatePhoneNumberParams::new()), "{}");
    }
    #[test]
    fn lists_objects_and_groups_are_given_by_their_entries() {
        let made = JwtTemplateParams::new("billing", [("plan", "{{user.public_metadata.plan}}")])
            .lifetime(60)
            .custom_signing_key(true);
        assert_eq!(
            text(&made),
            r#"{"name":"billing","claims":{"plan":"{{user.public_metadata.plan}}"},"lifetime":60,"custom_signing_key":true}"#
        );
        let made = CreateActorTokenParams::new("user_1", [("sub", "user_2")]);
        assert_eq!(text(&made), r#"{"user_id":"user_1","actor":{"sub":"user_2"}}"#);
        let made = UpdateInstanceParams::new().allowed_origins(["https://a.example", "https://b.example"]);
        assert_eq!(text(&made), r#"{"allowed_origins":["https://a.example","https://b.example"]}"#);
        let none: [&str; 0] = [];
        assert_eq!(text(&UpdateInstanceParams::new().allowed_origins(none)), r#"{"allowed_origins":[]}"#);
        let made = UpdateSettingsParams::new()
            .sessions([("lifetime_seconds", serde_json::json!(86_400)), ("single", serde_json::Value::Null)]);
        assert_eq!(text(&made), r#"{"sessions":{"lifetime_seconds":86400,"single":null}}"#);
        let made = UpdateSettingsParams { password: Patch::Null, ..Default::default() };
        assert_eq!(text(&made), r#"{"password":null}"#);
    }
}
