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
        $($(#[doc = $field_doc:literal])* $(#[wire($($wire:tt)*)])? $field:ident: $kind:ty = $default:expr,)+
    }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default)]
        #[non_exhaustive]
        pub struct $name {
            $(
                $(#[doc = $field_doc])*
                $(#[doc = concat!("\n\nAs the service declares it: `", stringify!($($wire)*), "`.")])?
                pub $field: $kind,
            )+
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

verger_wire::each_settings_group!(group);

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
