//! The settings of an instance, as one document: `GET` and `PATCH /verger/v1/settings`.
//!
//! Every field has a default; the limits of a field stand at its declaration, and patches are judged by them. The rules
//! between fields are in `verger-core`.

use crate::input::{Field, Input, Read, Source};
use crate::json::Object;
use crate::schema::{Map, Schema, Schemas, Value, json};
use crate::{Patch, UnixMillis};
use serde::{Deserialize, Serialize};
use std::marker::PhantomData;

/// The most origins that an instance can list.
pub const ORIGINS_MAX: usize = 100;
/// The most countries that can be blocked: more than ISO 3166-1 has.
pub const COUNTRIES_MAX: usize = 250;
/// The most characters of a text.
pub const TEXT_CHARACTERS_MAX: usize = 2_000;

/// A few texts, one of which a field can be.
macro_rules! choice {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $text)] $variant),+
        }

        impl $name {
            /// The text on the wire.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text),+
                }
            }
        }

        impl Schema for $name {
            fn schema(_: &mut Schemas) -> Value {
                json!({ "type": "string", "enum": [$($text),+] })
            }

            fn example() -> Value {
                json!([$($text),+][0])
            }
        }
    };
}

choice! {
    /// Who can sign up.
    SignUpMode {
        /// Anybody.
        Public = "public",
        /// Only those who were invited.
        Restricted = "restricted",
        /// Nobody before an operator lets them in.
        Waitlist = "waitlist",
    }
}

choice! {
    /// Whether something is on.
    Automatic {
        /// Decided by the environment of the instance.
        Auto = "auto",
        /// On.
        On = "on",
        /// Off.
        Off = "off",
    }
}

choice! {
    /// What sign-in asks for first.
    SignInStrategy {
        /// The password, if the user has one.
        Password = "password",
        /// A code.
        Otp = "otp",
    }
}

/// Declares a group of settings, with its defaults.
macro_rules! group {
    ($(#[$doc:meta])* $name:ident {
        $($(#[doc = $field_doc:literal])* $(#[wire($($wire:tt)*)])? $field:ident: $kind:ty = $default:expr,)+
    }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Schema)]
        #[serde(default)]
        #[wire(inline)]
        pub struct $name {
            $($(#[doc = $field_doc])* $(#[wire($($wire)*)])? pub $field: $kind,)+
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)+ }
            }
        }
    };
}

/// Gives every group of settings to a macro, so that each is declared once: here, and in the Rust SDK with types that are tolerant.
///
/// The macro takes what follows here: the documentation and the name of a group, and in braces its fields, each with
/// documentation, perhaps an attribute `wire`, a type and a default.
#[macro_export]
macro_rules! each_settings_group {
    ($group:ident) => {
        $group! {
            /// What users have, and which of it a sign-up requires.
            Attributes {
                /// Users can have phone numbers, and sign in with one.
                phone_number: bool = true,
                /// A sign-up needs a phone number.
                phone_number_required: bool = false,
                /// Users can have email addresses, and sign in with one.
                email_address: bool = true,
                /// A sign-up needs an email address.
                email_address_required: bool = false,
                /// Users can have a username, and sign in with it.
                username: bool = true,
                /// A sign-up needs a username.
                username_required: bool = false,
                /// A sign-up needs a password; `first_factors.password` must be on.
                password_required: bool = false,
                /// Users are asked for a first name.
                first_name: bool = true,
                /// A sign-up needs a first name.
                first_name_required: bool = false,
                /// Users are asked for a last name.
                last_name: bool = true,
                /// A sign-up needs a last name.
                last_name_required: bool = false,
            }
        }

        $group! {
            /// What a user can sign in with.
            FirstFactors {
                /// A code by text message to a verified number.
                phone_code: bool = true,
                /// A code by email to a verified address.
                email_code: bool = true,
                /// The password.
                password: bool = true,
                /// A link by email. Not available yet.
                email_link: bool = false,
                /// A passkey. Not available yet.
                passkey: bool = false,
                /// An account of another provider, such as a social network. Not available yet.
                social: bool = false,
            }
        }

        $group! {
            /// What a user can prove in addition to the first factor.
            SecondFactors {
                /// A code by text message to a number that is reserved for second factor.
                phone_code: bool = true,
                /// A code of an authenticator app.
                totp: bool = true,
                /// One of ten codes that are shown once; only beside another second factor.
                backup_code: bool = true,
                /// Every user must set up a second factor: sessions without one stay `pending`.
                required: bool = false,
            }
        }

        $group! {
            /// Who can sign up, and what a sign-up must accept.
            SignUp {
                /// Who can sign up: anybody, or only those who were invited. `waitlist` is not available yet.
                mode: SignUpMode = SignUpMode::Public,
                /// A sign-up must accept the terms.
                legal_consent_required: bool = false,
            }
        }

        $group! {
            /// Who may not sign up.
            Restrictions {
                /// Only identifiers on the allow-list can sign up.
                allowlist: bool = false,
                /// Identifiers on the block-list cannot sign up or sign in.
                blocklist: bool = false,
                /// Both lists count at sign-up only.
                allowlist_blocklist_disabled_on_sign_in: bool = false,
                /// Email addresses with a `+` before the `@` cannot sign up.
                block_email_subaddresses: bool = false,
                /// Email addresses of services for disposable addresses cannot sign up. Not available yet.
                block_disposable_email_domains: bool = false,
            }
        }

        $group! {
            /// How long a user stays signed in.
            Sessions {
                /// A browser has one session at a time.
                single: bool = true,
                /// Life of a session, in seconds. Sessions that exist are bound by a shorter one.
                #[wire(min = 300, max = 315360000)]
                lifetime_seconds: i64 = 604_800,
                /// A session ends after this long without activity, in seconds; null: it does not.
                #[wire(nullable, min = 300, max = 315360000)]
                inactivity_timeout_seconds: Option<i64> = None,
                /// Life of a session token, in seconds.
                #[wire(min = 30, max = 3600)]
                token_lifetime_seconds: i64 = 60,
                /// Version of the claims of a session token.
                #[wire(min = 1, max = 2)]
                token_version: i64 = 2,
                /// For how long a proof of a factor allows sensitive changes, in minutes.
                #[wire(min = 1, max = 1440)]
                reverification_minutes: i64 = 10,
            }
        }

        $group! {
            /// What a password must be like.
            Password {
                /// Least number of characters.
                #[wire(min = 8, max = 72)]
                min_length: i64 = 8,
                /// Greatest number of characters.
                #[wire(min = 8, max = 72)]
                max_length: i64 = 72,
                /// It needs a lower-case letter.
                require_lowercase: bool = false,
                /// It needs an upper-case letter.
                require_uppercase: bool = false,
                /// It needs a digit.
                require_numbers: bool = false,
                /// It needs a character that is neither letter nor digit.
                require_special_char: bool = false,
                /// One of the most common ones is refused, and one on the operator's own list.
                refuse_common: bool = true,
            }
        }

        $group! {
            /// What a username must be like.
            Username {
                /// Least number of characters.
                #[wire(min = 4, max = 64)]
                min_length: i64 = 4,
                /// Greatest number of characters.
                #[wire(min = 4, max = 64)]
                max_length: i64 = 64,
            }
        }

        $group! {
            /// Protection against guessing and against automated requests.
            AttackProtection {
                /// Too many wrong tries in a row, over all factors, lock the account.
                user_lockout: bool = true,
                /// How many wrong tries in a row lock it. Ten within an hour close one factor before that: a test that wants to see the
                /// lock sets fewer here.
                #[wire(min = 3, max = 1000)]
                user_lockout_attempts: i64 = 100,
                /// For how long it is locked, in minutes.
                #[wire(min = 1, max = 525600)]
                user_lockout_minutes: i64 = 60,
                /// A right password on a new device needs a code as well, if the user has no second factor. `auto`: off in
                /// development, on in production if a sender is configured.
                device_trust: Automatic = Automatic::Auto,
                /// A development instance has the rate limits of production.
                rate_limits_in_development: bool = false,
                /// Answers do not tell whether a user exists. Not available yet.
                enumeration_protection: bool = false,
                /// A sign-up must prove that it is no robot. Not available yet.
                bot_protection: bool = false,
            }
        }

        $group! {
            /// What users can do with their account.
            Actions {
                /// They can delete it.
                delete_self: bool = true,
            }
        }

        $group! {
            /// What users are notified of.
            Notifications {
                /// A change of a password, an address, a number or a second factor.
                account_changes: bool = true,
            }
        }

        $group! {
            /// Where text messages go.
            Communication {
                /// Countries to which no text message is sent: codes of ISO 3166-1 alpha-2. At most 250.
                #[wire(items_max = COUNTRIES_MAX)]
                blocked_country_codes: Vec<String> = Vec::new(),
            }
        }

        $group! {
            /// Which pages may use the Frontend API.
            Frontend {
                /// Origins that may use it beside the frontend host's own: scheme, host and port exactly, such as
                /// `https://app.example.com`, or with one leading `*.` for all subdomains. In development every origin on this
                /// machine is allowed as well. At most 100.
                #[wire(items_max = ORIGINS_MAX)]
                allowed_origins: Vec<String> = Vec::new(),
                /// The domain of the cookies that pages and the frontend host share, in production. null: the frontend host without
                /// its first label, if all allowed https origins lie within it; empty: none.
                #[wire(nullable)]
                cookie_domain: Option<String> = None,
            }
        }

        $group! {
            /// What pages show, and where they link to.
            Display {
                /// Name of the application; null: that of the instance.
                #[wire(nullable)]
                application_name: Option<String> = None,
                /// What sign-in asks for first.
                preferred_sign_in_strategy: SignInStrategy = SignInStrategy::Password,
                /// Address of the application's support.
                #[wire(nullable)]
                support_email: Option<String> = None,
                /// Version of the script that pages load in the browser.
                #[wire(nullable)]
                clerk_js_version: Option<String> = None,
                /// Start page of the application.
                #[wire(nullable)]
                home_url: Option<String> = None,
                /// Where users sign in; null: on the server's own page.
                #[wire(nullable)]
                sign_in_url: Option<String> = None,
                /// Where users sign up; null: on the server's own page.
                #[wire(nullable)]
                sign_up_url: Option<String> = None,
                /// Where users see their account; null: on the server's own page.
                #[wire(nullable)]
                user_profile_url: Option<String> = None,
                /// Page to go to after signing in.
                #[wire(nullable)]
                after_sign_in_url: Option<String> = None,
                /// Page to go to after signing up.
                #[wire(nullable)]
                after_sign_up_url: Option<String> = None,
                /// Page to go to after signing out.
                #[wire(nullable)]
                after_sign_out_url: Option<String> = None,
                /// Page that the logo links to.
                #[wire(nullable)]
                logo_link_url: Option<String> = None,
                /// URL of the logo.
                #[wire(nullable)]
                logo_image_url: Option<String> = None,
                /// URL of the icon that browsers show beside the title.
                #[wire(nullable)]
                favicon_image_url: Option<String> = None,
                /// Help page.
                #[wire(nullable)]
                help_url: Option<String> = None,
                /// Privacy policy.
                #[wire(nullable)]
                privacy_policy_url: Option<String> = None,
                /// Terms of service.
                #[wire(nullable)]
                terms_url: Option<String> = None,
            }
        }

        $group! {
            /// Organizations of users.
            Organizations {
                /// Users can belong to organizations. Not available yet.
                enabled: bool = false,
            }
        }
    };
}

each_settings_group!(group);

/// Everything that can be set, by group. A patch changes what it names; null sets a field, or a whole group, back to its
/// default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Schema)]
#[serde(default)]
#[wire(inline)]
pub struct SettingsDocument {
    /// What users have, and which of it a sign-up requires.
    #[wire(example = default_of::<Attributes>())]
    pub attributes: Attributes,
    /// What a user can sign in with.
    #[wire(example = default_of::<FirstFactors>())]
    pub first_factors: FirstFactors,
    /// What a user can prove in addition to the first factor.
    #[wire(example = default_of::<SecondFactors>())]
    pub second_factors: SecondFactors,
    /// Who can sign up, and what a sign-up must accept.
    #[wire(example = default_of::<SignUp>())]
    pub sign_up: SignUp,
    /// Who may not sign up.
    #[wire(example = default_of::<Restrictions>())]
    pub restrictions: Restrictions,
    /// How long a user stays signed in.
    #[wire(example = default_of::<Sessions>())]
    pub sessions: Sessions,
    /// What a password must be like.
    #[wire(example = default_of::<Password>())]
    pub password: Password,
    /// What a username must be like.
    #[wire(example = default_of::<Username>())]
    pub username: Username,
    /// Protection against guessing and against automated requests.
    #[wire(example = default_of::<AttackProtection>())]
    pub attack_protection: AttackProtection,
    /// What users can do with their account.
    #[wire(example = default_of::<Actions>())]
    pub actions: Actions,
    /// What users are notified of.
    #[wire(example = default_of::<Notifications>())]
    pub notifications: Notifications,
    /// Where text messages go.
    #[wire(example = default_of::<Communication>())]
    pub communication: Communication,
    /// Which pages may use the Frontend API.
    #[wire(example = default_of::<Frontend>())]
    pub frontend: Frontend,
    /// What pages show, and where they link to.
    #[wire(example = default_of::<Display>())]
    pub display: Display,
    /// Organizations of users.
    #[wire(example = default_of::<Organizations>())]
    pub organizations: Organizations,
}

/// The settings of an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Schema)]
#[wire(name = "Settings")]
pub struct InstanceSettings {
    /// Always `settings`.
    #[wire(constant = "settings")]
    pub object: String,
    /// The id of the instance.
    #[wire(example = "ins_3Dw7JOBTomM81IWXkXCZt7PRTFt")]
    pub instance_id: String,
    /// How often they were changed; also the `ETag`.
    #[wire(min = 0, format = "int64", example = 3)]
    pub version: i64,
    /// When they were last changed, in Unix milliseconds; null if they never were.
    #[wire(nullable)]
    pub updated_at: Option<UnixMillis>,
    /// Every field, whether it was set or not.
    #[serde(flatten)]
    #[wire(flatten)]
    pub document: SettingsDocument,
}

/// What changes in one group of settings: a merge patch (RFC 7396) of it. Null sets a field back to its default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Changes<T> {
    /// The fields that change.
    pub fields: Object,
    #[serde(skip)]
    group: PhantomData<fn() -> T>,
}

impl<T> From<Map<String, Value>> for Changes<T> {
    fn from(fields: Map<String, Value>) -> Self {
        Self { fields: fields.into(), group: PhantomData }
    }
}

impl<T: Schema> Schema for Changes<T> {
    fn schema(schemas: &mut Schemas) -> Value {
        let mut schema = T::object(schemas);
        if let Value::Object(schema) = &mut schema {
            schema.remove("required");
            if let Some(Value::Object(fields)) = schema.get_mut("properties") {
                fields.values_mut().for_each(|field| field["nullable"] = json!(true));
            }
        }
        schema
    }

    fn example() -> Value {
        json!({})
    }
}

impl<T> Read for Changes<T> {
    fn read(source: &mut impl Source, field: &Field) -> Patch<Self> {
        match source.object(field) {
            Patch::Absent => Patch::Absent,
            Patch::Null => Patch::Null,
            Patch::Set(fields) => Patch::Set(Self { fields, group: PhantomData }),
        }
    }
}

/// `PATCH /verger/v1/settings`: a merge patch (RFC 7396). A group that is null is set back to its defaults.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Input)]
#[wire(body_required)]
pub struct UpdateSettingsParams {
    /// What users have, and which of it a sign-up requires.
    #[serde(skip_serializing_if = "Patch::is_absent")]
    #[wire(nullable)]
    pub attributes: Patch<Changes<Attributes>>,
    /// What a user can sign in with.
    #[serde(skip_serializing_if = "Patch::is_absent")]
    #[wire(nullable)]
    pub first_factors: Patch<Changes<FirstFactors>>,
    /// What a user can prove in addition to the first factor.
    #[serde(skip_serializing_if = "Patch::is_absent")]
    #[wire(nullable)]
    pub second_factors: Patch<Changes<SecondFactors>>,
    /// Who can sign up, and what a sign-up must accept.
    #[serde(skip_serializing_if = "Patch::is_absent")]
    #[wire(nullable)]
    pub sign_up: Patch<Changes<SignUp>>,
    /// Who may not sign up.
    #[serde(skip_serializing_if = "Patch::is_absent")]
    #[wire(nullable)]
    pub restrictions: Patch<Changes<Restrictions>>,
    /// How long a user stays signed in.
    #[serde(skip_serializing_if = "Patch::is_absent")]
    #[wire(nullable, example = { "lifetime_seconds": 86400 })]
    pub sessions: Patch<Changes<Sessions>>,
    /// What a password must be like.
    #[serde(skip_serializing_if = "Patch::is_absent")]
    #[wire(nullable)]
    pub password: Patch<Changes<Password>>,
    /// What a username must be like.
    #[serde(skip_serializing_if = "Patch::is_absent")]
    #[wire(nullable)]
    pub username: Patch<Changes<Username>>,
    /// Protection against guessing and against automated requests.
    #[serde(skip_serializing_if = "Patch::is_absent")]
    #[wire(nullable)]
    pub attack_protection: Patch<Changes<AttackProtection>>,
    /// What users can do with their account.
    #[serde(skip_serializing_if = "Patch::is_absent")]
    #[wire(nullable)]
    pub actions: Patch<Changes<Actions>>,
    /// What users are notified of.
    #[serde(skip_serializing_if = "Patch::is_absent")]
    #[wire(nullable)]
    pub notifications: Patch<Changes<Notifications>>,
    /// Where text messages go.
    #[serde(skip_serializing_if = "Patch::is_absent")]
    #[wire(nullable)]
    pub communication: Patch<Changes<Communication>>,
    /// Which pages may use the Frontend API.
    #[serde(skip_serializing_if = "Patch::is_absent")]
    #[wire(nullable)]
    pub frontend: Patch<Changes<Frontend>>,
    /// What pages show, and where they link to.
    #[serde(skip_serializing_if = "Patch::is_absent")]
    #[wire(nullable)]
    pub display: Patch<Changes<Display>>,
    /// Organizations of users.
    #[serde(skip_serializing_if = "Patch::is_absent")]
    #[wire(nullable)]
    pub organizations: Patch<Changes<Organizations>>,
}

impl UpdateSettingsParams {
    /// The patch as one JSON object.
    pub fn into_patch(self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(patch)) => patch,
            // A struct is an object, and what is in it came from JSON.
            Ok(_) | Err(_) => Map::new(),
        }
    }
}

fn default_of<T: Default + Serialize>() -> Value {
    // The groups are made of texts, numbers and flags alone, so that this cannot fail.
    serde_json::to_value(T::default()).unwrap_or_default()
}
