//! The reason not to check a password now.

use verger_wire::reasons;

reasons! {
    PASSWORD_QUEUE_FULL "PasswordQueueFull" 429 "too_many_requests" {
        message: "Too many passwords are being checked",
        long_message: "Passwords are checked slowly on purpose, and more of them wait than are checked in a second. Nothing was \
                       tried. `Retry-After` says when to try again.",
        when: "More work on passwords waits than the server does in a second.",
        help: "Wait for `Retry-After`; the operator can raise `password_hash_slots`.",
    }
}
