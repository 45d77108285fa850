//! What may be printed of a value that has a secret in it.

/// `Debug` of a struct that does not show some of its fields, only whether they have a value. For the crates of Verger.
///
/// Every field is named, so that one that is added does not compile before it is decided whether it can be shown.
#[doc(hidden)]
#[macro_export]
macro_rules! debug_without_secrets {
    ($type:ident { $($shown:ident),* $(,)? } without { $($secret:ident),+ $(,)? }) => {
        impl ::std::fmt::Debug for $type {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                fn is_given<T: Default + PartialEq>(value: &T) -> bool {
                    *value != T::default()
                }
                let Self { $($shown,)* $($secret,)+ } = self;
                let mut shown = f.debug_struct(stringify!($type));
                $(shown.field(stringify!($shown), $shown);)*
                $(if is_given($secret) {
                    shown.field(stringify!($secret), &"[redacted]");
                } else {
                    shown.field(stringify!($secret), $secret);
                })+
                shown.finish()
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use crate::access::Invitation;
    use crate::json::Object;
    use crate::jwt_template::JwtTemplateParams;
    use crate::session::{Cookies, RefreshSessionParams, SessionToken, Token};
    use crate::ticket::{ActorToken, SignInToken};
    use crate::user::{CreateUserParams, UpdateUserParams, VerifyPasswordParams, VerifyTotpParams};
    use crate::{Patch, UnixMillis};
    use std::fmt::Debug;

    const SECRET: &str = "correct horse battery staple";

    fn is_hidden(value: &impl Debug) {
        for shown in [format!("{value:?}"), format!("{value:#?}")] {
            assert!(!shown.contains(SECRET), "{shown}");
        }
    }

    #[test]
    fn secrets_of_users_are_not_shown() {
        let created = CreateUserParams::new()
            .first_name("Ada")
            .password(SECRET)
            .password_digest(SECRET)
            .totp_secret(SECRET)
            .backup_codes(SECRET);
        is_hidden(&created);
        let shown = format!("{created:?}");
        assert!(shown.contains(r#"first_name: Some("Ada")"#), "{shown}");
        assert!(shown.contains(r#"password: "[redacted]""#), "{shown}");
        assert_eq!(shown.matches("[redacted]").count(), 4, "{shown}");
        assert!(!format!("{:?}", CreateUserParams::new()).contains("redacted"));

        let updated = UpdateUserParams::new()
            .last_name(Patch::Null)
            .password(SECRET)
            .password_digest(SECRET)
            .totp_secret(SECRET)
            .backup_codes(SECRET);
        is_hidden(&updated);
        let shown = format!("{updated:?}");
        assert!(shown.contains("last_name: Null"), "{shown}");
        assert_eq!(shown.matches("[redacted]").count(), 4, "{shown}");
        is_hidden(&VerifyPasswordParams::new(SECRET));
        is_hidden(&VerifyTotpParams::new(SECRET));
    }

    #[test]
    fn tokens_and_keys_are_not_shown() {
        let text = || SECRET.to_owned();
        let now = UnixMillis(1);
        is_hidden(&RefreshSessionParams::new(SECRET, SECRET, "https://app.example.com"));
        is_hidden(&JwtTemplateParams { signing_key: Some(text()), ..Default::default() });
        is_hidden(&SessionToken { object: "token".to_owned(), jwt: text() });
        is_hidden(&Token { object: "token".to_owned(), jwt: text() });
        is_hidden(&Cookies { object: "cookies".to_owned(), cookies: vec![text()] });
        is_hidden(&SignInToken {
            object: "sign_in_token".to_owned(),
            id: "sit_1".to_owned(),
            status: "pending".to_owned(),
            user_id: "user_1".to_owned(),
            token: Some(text()),
            url: Some(text()),
            created_at: now,
            updated_at: now,
        });
        is_hidden(&ActorToken {
            object: "actor_token".to_owned(),
            id: "act_1".to_owned(),
            status: "pending".to_owned(),
            user_id: "user_1".to_owned(),
            actor: Object::default(),
            token: Some(text()),
            url: Some(text()),
            created_at: now,
            updated_at: now,
        });
        is_hidden(&Invitation {
            object: "invitation".to_owned(),
            id: "inv_1".to_owned(),
            email_address: "ada@example.com".to_owned(),
            public_metadata: Object::default(),
            revoked: false,
            status: "pending".to_owned(),
            url: Some(text()),
            expires_at: None,
            created_at: now,
            updated_at: now,
        });
    }
}
