//! The operations, grouped as the documentation groups them. Most files here are generated; what is written by hand stands in
//! `clock`, `events`, `several_invitations` and `several_users`.

/// A group of operations. One macro, so that all of them are alike.
macro_rules! resource {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// Every method gives a [`Request`](crate::Request), which is sent with `.await` (or `.send()` in `blocking`).
        #[derive(Clone)]
        pub struct $name<R = $crate::request::Async> {
            client: std::sync::Arc<$crate::send::Inner>,
            run: R,
        }

        impl<R> std::fmt::Debug for $name<R> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(stringify!($name))
            }
        }

        impl<R: Clone> $name<R> {
            pub(crate) fn new(client: std::sync::Arc<$crate::send::Inner>, run: R) -> Self {
                Self { client, run }
            }

            pub(super) fn request<T>(
                &self,
                operation: &'static $crate::operation::Operation,
                ids: &[&str],
            ) -> $crate::request::Request<T, R> {
                $crate::request::Request::new(
                    std::sync::Arc::clone(&self.client),
                    self.run.clone(),
                    operation,
                    ids,
                )
            }
        }
    };
}

mod actor_tokens;
mod allowlist_identifiers;
mod audit_log;
mod blocklist_identifiers;
mod clients;
mod clock;
mod deliveries;
mod domains;
mod email_addresses;
mod events;
mod instances;
mod invitations;
mod jwks;
mod jwt_templates;
mod messages;
mod phone_numbers;
mod redirect_urls;
mod sessions;
mod settings;
mod several_invitations;
mod several_users;
mod sign_in_tokens;
mod signing_keys;
mod testing_tokens;
mod users;
mod webhook_endpoints;

pub use actor_tokens::ActorTokens;
pub use allowlist_identifiers::AllowlistIdentifiers;
pub use audit_log::AuditLog;
pub use blocklist_identifiers::BlocklistIdentifiers;
pub use clients::Clients;
pub use clock::Clock;
pub use deliveries::Deliveries;
pub use domains::Domains;
pub use email_addresses::EmailAddresses;
pub use events::Events;
pub use instances::Instances;
pub use invitations::Invitations;
pub use jwks::Jwks;
pub use jwt_templates::JwtTemplates;
pub use messages::Messages;
pub use phone_numbers::PhoneNumbers;
pub use redirect_urls::RedirectUrls;
pub use sessions::Sessions;
pub use settings::Settings;
pub use sign_in_tokens::SignInTokens;
pub use signing_keys::SigningKeys;
pub use testing_tokens::TestingTokens;
pub use users::Users;
pub use webhook_endpoints::WebhookEndpoints;
