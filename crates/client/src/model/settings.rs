//! The settings of an instance, as [`InstanceSettings`] has them: one type for each group. Verger only.
//!
//! A field that the service does not send has its default here.

use super::tolerant::{Extra, open_enum};
use serde::{Deserialize, Serialize};
use verger_wire::UnixMillis;

open_enum! {
    /// Who can sign up.
    ///
    /// ```
    /// # use verger_client::settings::SignUpMode;
    /// assert_eq!(SignUpMode::from("public"), SignUpMode::Public);
    /// ```
    SignUpMode {
        /// Anybody.
        Public = "public",
        /// Only those who were invited.
        Restricted = "restricted",
        /// Nobody before an operator lets them in.
        Waitlist = "waitlist",
    }
}

open_enum! {
    /// Whether something is on.
    ///
    /// ```
    /// # use verger_client::settings::Automatic;
    /// assert_eq!(Automatic::from("auto"), Automatic::Auto);
    /// ```
    Automatic {
        /// Decided by the environment of the instance.
        Auto = "auto",
        /// On.
        On = "on",
        /// Off.
        Off = "off",
    }
}

open_enum! {
    /// What sign-in asks for first.
    ///
    /// ```
    /// # use verger_client::settings::SignInStrategy;
    /// assert_eq!(SignInStrategy::from("password"), SignInStrategy::Password);
    /// ```
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
        $($(#[doc = $field_doc:literal])* $field:ident: $kind:ty = $default:expr,)+
    }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default)]
        #[non_exhaustive]
        pub struct $name {
            $($(#[doc = $field_doc])* pub $field: $kind,)+
            /// Fields that this version of the client has no name for.
            #[serde(flatten)]
            pub extra: Extra,
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)+ extra: Extra::new() }
            }
        }
    };
}

group! {
    /// What users are asked for when they sign up, and know themselves by.
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

group! {
    /// With what a user signs in.
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
        /// An account of somebody else, such as a social network. Not available yet.
        social: bool = false,
    }
}

group! {
    /// What a user can prove beside the first factor.
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

group! {
    /// How new users come.
    SignUp {
        /// Who can sign up: anybody, or only those who were invited. `waitlist` is not available yet.
        mode: SignUpMode = SignUpMode::Public,
        /// A sign-up must accept the terms.
        legal_consent_required: bool = false,
    }
}

group! {
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
        /// Email addresses of services that give them away cannot sign up. Not available yet.
        block_disposable_email_domains: bool = false,
    }
}

group! {
    /// How long a user stays signed in.
    Sessions {
        /// A browser has one session at a time.
        single: bool = true,
        /// Life of a session, in seconds. Sessions that exist are bound by a shorter one. 300 to 315,360,000.
        lifetime_seconds: i64 = 604_800,
        /// A session ends after this long without activity, in seconds; `None`: it does not. 300 to 315,360,000.
        inactivity_timeout_seconds: Option<i64> = None,
        /// Life of a session token, in seconds. 30 to 3,600.
        token_lifetime_seconds: i64 = 60,
        /// Version of the claims of a session token. 1 to 2.
        token_version: i64 = 2,
        /// For how long a proof of a factor allows sensitive changes, in minutes. 1 to 1,440.
        reverification_minutes: i64 = 10,
    }
}

group! {
    /// What a password must be like.
    Password {
        /// Least number of characters. 8 to 72.
        min_length: i64 = 8,
        /// Greatest number of characters. 8 to 72.
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

group! {
    /// What a username must be like.
    Username {
        /// Least number of characters. 4 to 64.
        min_length: i64 = 4,
        /// Greatest number of characters. 4 to 64.
        max_length: i64 = 64,
    }
}

group! {
    /// What slows down whoever guesses.
    AttackProtection {
        /// Too many failures in a row lock the account.
        user_lockout: bool = true,
        /// How many failures in a row lock it. 3 to 1,000.
        user_lockout_attempts: i64 = 100,
        /// For how long it is locked, in minutes. 1 to 525,600.
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

group! {
    /// What users can do with their account.
    Actions {
        /// They can delete it.
        delete_self: bool = true,
    }
}

group! {
    /// Of what users are told.
    Notifications {
        /// A change of a password, an address, a number or a second factor.
        account_changes: bool = true,
    }
}

group! {
    /// Where text messages go.
    Communication {
        /// Countries to which no text message is sent: codes of ISO 3166-1 alpha-2. At most 250.
        blocked_country_codes: Vec<String> = Vec::new(),
    }
}

group! {
    /// Which pages may use the Frontend API.
    Frontend {
        /// Origins that may use it beside the frontend host's own: scheme, host and port exactly, such as
        /// `https://app.example.com`, or with one leading `*.` for all subdomains. In development every origin on this
        /// machine is allowed as well. At most 100.
        allowed_origins: Vec<String> = Vec::new(),
        /// The domain of the cookies that pages and the frontend host share, in production. `None`: the frontend host without
        /// its first label, if all allowed https origins lie within it; empty: none.
        cookie_domain: Option<String> = None,
    }
}

group! {
    /// What pages show, and where they lead.
    Display {
        /// Name of the application; `None`: that of the instance.
        application_name: Option<String> = None,
        /// What sign-in asks for first.
        preferred_sign_in_strategy: SignInStrategy = SignInStrategy::Password,
        /// Where users can write to.
        support_email: Option<String> = None,
        /// Version of the browser's script that pages load.
        clerk_js_version: Option<String> = None,
        /// Where the application begins.
        home_url: Option<String> = None,
        /// Where users sign in; `None`: on the server's own page.
        sign_in_url: Option<String> = None,
        /// Where users sign up; `None`: on the server's own page.
        sign_up_url: Option<String> = None,
        /// Where users see their account; `None`: on the server's own page.
        user_profile_url: Option<String> = None,
        /// Where a sign-in leads to.
        after_sign_in_url: Option<String> = None,
        /// Where a sign-up leads to.
        after_sign_up_url: Option<String> = None,
        /// Where signing out leads to.
        after_sign_out_url: Option<String> = None,
        /// Where the logo leads to.
        logo_link_url: Option<String> = None,
        /// The logo.
        logo_image_url: Option<String> = None,
        /// The small picture of the page.
        favicon_image_url: Option<String> = None,
        /// Where there is help.
        help_url: Option<String> = None,
        /// What is done with personal data.
        privacy_policy_url: Option<String> = None,
        /// The terms.
        terms_url: Option<String> = None,
    }
}

group! {
    /// Organizations of users.
    Organizations {
        /// There are organizations. Not available yet.
        enabled: bool = false,
    }
}

/// Everything that an instance is set to. Verger only.
///
/// ```
/// # use verger_client::InstanceSettings;
/// let text = r#"{"instance_id":"ins_1","version":3,"sessions":{"lifetime_seconds":86400,"of_tomorrow":1}}"#;
/// let settings: InstanceSettings = serde_json::from_str(text)?;
/// assert_eq!((settings.sessions.lifetime_seconds, settings.sessions.token_lifetime_seconds), (86_400, 60));
/// assert_eq!(settings.sessions.extra["of_tomorrow"], 1);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct InstanceSettings {
    /// Always `settings`.
    #[serde(default)]
    pub object: String,
    /// `ins_…`.
    pub instance_id: String,
    /// How often they were changed; also the entity tag.
    pub version: i64,
    /// When they were last changed; `None` if they never were. Unix milliseconds.
    pub updated_at: Option<UnixMillis>,
    /// What users are asked for when they sign up, and know themselves by.
    #[serde(default)]
    pub attributes: Attributes,
    /// With what a user signs in.
    #[serde(default)]
    pub first_factors: FirstFactors,
    /// What a user can prove beside the first factor.
    #[serde(default)]
    pub second_factors: SecondFactors,
    /// How new users come.
    #[serde(default)]
    pub sign_up: SignUp,
    /// Who may not sign up.
    #[serde(default)]
    pub restrictions: Restrictions,
    /// How long a user stays signed in.
    #[serde(default)]
    pub sessions: Sessions,
    /// What a password must be like.
    #[serde(default)]
    pub password: Password,
    /// What a username must be like.
    #[serde(default)]
    pub username: Username,
    /// What slows down whoever guesses.
    #[serde(default)]
    pub attack_protection: AttackProtection,
    /// What users can do with their account.
    #[serde(default)]
    pub actions: Actions,
    /// Of what users are told.
    #[serde(default)]
    pub notifications: Notifications,
    /// Where text messages go.
    #[serde(default)]
    pub communication: Communication,
    /// Which pages may use the Frontend API.
    #[serde(default)]
    pub frontend: Frontend,
    /// What pages show, and where they lead.
    #[serde(default)]
    pub display: Display,
    /// Organizations of users.
    #[serde(default)]
    pub organizations: Organizations,
    /// Fields that this version of the client has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}
