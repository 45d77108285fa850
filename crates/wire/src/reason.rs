//! Reasons to refuse a request, as data: each is a row beside the rule that gives it, with a column for each API.
//!
//! A row is declared with [`reasons!`](crate::reasons). Everything that names a reason is made from the rows: the answer,
//! docs/errors.md, the error responses of the OpenAPI document, the codes that the SDKs know.

/// The status of a reason in an API that does not refuse for it: there the answer is a success, and the object in it
/// says what happened.
pub const NOT_REFUSED: u16 = 200;

/// Why a request is refused.
#[derive(Debug, PartialEq, Eq)]
pub struct Reason {
    /// The name of the row, in upper camel case.
    pub name: &'static str,
    /// The HTTP status in the Backend API; [`NOT_REFUSED`] where that API does not refuse.
    pub status: u16,
    /// What programs decide by.
    pub code: &'static str,
    /// Short words for people; a template, see [`fill`].
    pub message: &'static str,
    /// Longer words for people; a template, see [`fill`].
    pub long_message: &'static str,
    /// When the reason applies, in one sentence, for docs/errors.md and the OpenAPI document.
    pub when: &'static str,
    /// What the caller or the operator should do, for docs/errors.md.
    pub help: &'static str,
    /// What the Frontend API says; `None` where it says the same as the Backend API.
    pub frontend: Option<Column>,
}

/// What one API says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// The HTTP status, or [`NOT_REFUSED`].
    pub status: u16,
    /// What programs decide by.
    pub code: &'static str,
    /// Short words; a template, see [`fill`].
    pub message: &'static str,
    /// Longer words; a template, see [`fill`].
    pub long_message: &'static str,
}

/// The API in which a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    /// For backends, which have a secret key.
    Backend,
    /// For browsers and native applications.
    Frontend,
}

impl Reason {
    /// What `api` says.
    pub fn column(&self, api: Api) -> Column {
        let backend = Column {
            status: self.status,
            code: self.code,
            message: self.message,
            long_message: self.long_message,
        };
        match api {
            Api::Backend => backend,
            Api::Frontend => self.frontend.unwrap_or(backend),
        }
    }

    /// Stops the compiler at a row that lacks what its readers need; [`reasons!`](crate::reasons) calls it.
    #[doc(hidden)]
    pub const fn check(&self) {
        assert!(is_sentence(self.when), "`when` must be a sentence");
        assert!(is_sentence(self.help), "`help` must be a sentence");
        assert!(!self.message.is_empty() && !self.long_message.is_empty(), "a message is empty");
        assert!(
            self.status == NOT_REFUSED || (self.status >= 400 && self.status < 600),
            "not an error status"
        );
    }
}

/// More than a few words, with a period.
const fn is_sentence(text: &str) -> bool {
    let text = text.as_bytes();
    matches!(text, [b'A'..=b'Z' | b'`', .., b'.']) && text.len() > 12
}

/// Puts `values` into the places of `template` that have their names in braces. What a value has in it stays as it is.
///
/// ```
/// # use verger_wire::reason::fill;
/// assert_eq!(fill("{param} is over {max}", &[("param", "limit".into()), ("max", "500".into())]), "limit is over 500");
/// ```
pub fn fill(template: &str, values: &[(&str, String)]) -> String {
    let mut text = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let found = after.split_once('}').and_then(|(name, after)| {
            values.iter().find(|(known, _)| *known == name).map(|(_, value)| (value, after))
        });
        debug_assert!(found.is_some(), "no value for {{{after}");
        match found {
            Some((value, after)) => {
                text.push_str(value);
                rest = after;
            }
            None => {
                text.push('{');
                rest = after;
            }
        }
    }
    text.push_str(rest);
    text
}

/// Declares reasons: a `pub static` for each row, and `REASONS`, the list of them.
///
/// A row has: its name in both spellings, status and code in the Backend API, the words (templates, see
/// [`fill`](crate::reason::fill)), `when` and `help` for the documentation, and, where the Frontend API says something
/// else, its status and code, and its words if they differ too.
///
/// ```
/// verger_wire::reasons! {
///     CODE_TOO_OLD "CodeTooOld" 410 "code_too_old" {
///         message: "The code is too old",
///         long_message: "Codes expire after {minutes} minutes.",
///         when: "The code has expired.",
///         help: "Request a new code.",
///         frontend: 400 "verification_expired",
///     }
/// }
/// assert_eq!(CODE_TOO_OLD.frontend.unwrap().message, "The code is too old");
/// assert_eq!(REASONS, [&CODE_TOO_OLD]);
/// ```
#[macro_export]
macro_rules! reasons {
    ($(
        $constant:ident $name:literal $status:literal $code:literal {
            message: $message:literal,
            long_message: $long_message:literal,
            when: $when:literal,
            help: $help:literal,
            $(frontend: $frontend_status:literal $frontend_code:literal
                $({ message: $frontend_message:literal, long_message: $frontend_long_message:literal $(,)? })?,)?
        }
    )+) => {
        $(
            #[doc = $when]
            pub static $constant: $crate::reason::Reason = $crate::reason::Reason {
                name: $name,
                status: $status,
                code: $code,
                message: $message,
                long_message: $long_message,
                when: $when,
                help: $help,
                frontend: $crate::reasons!(@frontend $message, $long_message
                    $(, $frontend_status, $frontend_code $(, $frontend_message, $frontend_long_message)?)?),
            };
            const _: () = $constant.check();
        )+

        /// Every reason that is declared here.
        pub static REASONS: &[&$crate::reason::Reason] = &[$(&$constant),+];
    };
    (@frontend $message:literal, $long_message:literal) => { None };
    (@frontend $message:literal, $long_message:literal, $status:literal, $code:literal) => {
        $crate::reasons!(@frontend "", "", $status, $code, $message, $long_message)
    };
    (@frontend $_:literal, $_long:literal, $status:literal, $code:literal, $message:literal, $long_message:literal) => {
        Some($crate::reason::Column {
            status: $status,
            code: $code,
            message: $message,
            long_message: $long_message,
        })
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(unreachable_pub, reason = "the macro declares public rows")]
    mod rows {
        reasons! {
            TAKEN "Taken" 422 "form_identifier_exists" {
                message: "{param} is taken",
                long_message: "Another user has this {param}.",
                when: "Another user has claimed it.",
                help: "Take another one.",
            }
            CLOSED "Closed" 429 "too_many_requests" {
                message: "Too many wrong codes",
                long_message: "Wait.",
                when: "Too many wrong codes were tried.",
                help: "Wait for `Retry-After`.",
                frontend: 400 "verification_failed" {
                    message: "Too many tries",
                    long_message: "Request a new code.",
                },
            }
            BANNED "Banned" 403 "user_banned" {
                message: "The user is banned",
                long_message: "Unban the user.",
                when: "The user is banned.",
                help: "Unban the user.",
                frontend: 401 "authentication_invalid",
            }
        }
    }
    use rows::*;

    #[test]
    fn the_list_has_every_row() {
        assert_eq!(
            REASONS.iter().map(|reason| reason.name).collect::<Vec<_>>(),
            ["Taken", "Closed", "Banned"]
        );
    }

    #[test]
    fn the_frontend_column_differs_only_where_it_says_so() {
        assert_eq!(TAKEN.column(Api::Frontend), TAKEN.column(Api::Backend));
        let closed = CLOSED.column(Api::Frontend);
        assert_eq!(
            (closed.status, closed.code, closed.message),
            (400, "verification_failed", "Too many tries")
        );
        assert_eq!(CLOSED.column(Api::Backend).message, "Too many wrong codes");
        let banned = BANNED.column(Api::Frontend);
        assert_eq!(
            (banned.status, banned.code, banned.long_message),
            (401, "authentication_invalid", "Unban the user.")
        );
    }

    #[test]
    fn values_are_filled_in_once() {
        let values = [("a", "{b}".to_owned()), ("b", "}{a}".to_owned())];
        assert_eq!(fill("", &values), "");
        assert_eq!(fill("{a}", &values), "{b}");
        assert_eq!(fill("x {b} y {a}.", &values), "x }{a} y {b}.");
    }

    #[test]
    fn only_sentences_document_a_reason() {
        assert!(is_sentence("The user is banned."));
        assert!(is_sentence("`If-Match` names another version."));
        for text in ["", "Banned.", "The user is banned", "the user is banned.", "..............."] {
            assert!(!is_sentence(text), "{text}");
        }
    }
}
