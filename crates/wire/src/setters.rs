//! How parameters are put together without `Some(…)` and `..Default::default()`.

use crate::Patch;
use crate::email_address::{CreateEmailAddressParams, ReplaceEmailAddressParams, UpdateEmailAddressParams};
use crate::phone_number::{CreatePhoneNumberParams, ReplacePhoneNumberParams, UpdatePhoneNumberParams};
use crate::user::{
    CreateUserParams, MetadataParams, RemovePasswordParams, SetCompromisedParams, UpdateUserParams,
    VerifyPasswordParams, VerifyTotpParams,
};

/// `new`, and a method for each field that can be left out, which takes and gives the whole. For the crates of Verger.
///
/// Before each field stands what its method takes: `value` a value of the type that follows, `text` any text, `push` one more
/// text of a list, `patch` any text or a [`Patch`], `object` the entries of a JSON object.
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
}
