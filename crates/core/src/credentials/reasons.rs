//! The reasons that credentials give, as rows.

use verger_wire::reasons;

reasons! {
    PASSWORD_TOO_SHORT "PasswordTooShort" 422 "form_password_length_too_short" {
        message: "The password is too short",
        long_message: "A password must have at least {min} characters.",
        when: "A password has fewer characters than the instance asks for.",
        help: "Choose a longer one.",
    }
    PASSWORD_TOO_LONG "PasswordTooLong" 422 "form_password_length_too_long" {
        message: "The password is too long",
        long_message: "A password can have at most {max} characters.",
        when: "A password has more characters than the instance allows.",
        help: "Choose a shorter one.",
    }
    PASSWORD_TOO_MANY_BYTES "PasswordTooManyBytes" 422 "form_password_size_in_bytes_exceeded" {
        message: "The password is too long",
        long_message: "A password can have at most {max} bytes, however few characters they are.",
        when: "A password has more than 1024 bytes.",
        help: "Choose a shorter one.",
    }
    PASSWORD_NO_LOWERCASE "PasswordNoLowercase" 422 "form_password_no_lowercase" {
        message: "The password has no lower-case letter",
        long_message: "A password must have at least one lower-case letter.",
        when: "The instance asks for a lower-case letter, and the password has none.",
        help: "Choose a password with one.",
    }
    PASSWORD_NO_UPPERCASE "PasswordNoUppercase" 422 "form_password_no_uppercase" {
        message: "The password has no upper-case letter",
        long_message: "A password must have at least one upper-case letter.",
        when: "The instance asks for an upper-case letter, and the password has none.",
        help: "Choose a password with one.",
    }
    PASSWORD_NO_NUMBER "PasswordNoNumber" 422 "form_password_no_number" {
        message: "The password has no digit",
        long_message: "A password must have at least one digit.",
        when: "The instance asks for a digit, and the password has none.",
        help: "Choose a password with one.",
    }
    PASSWORD_NO_SPECIAL_CHARACTER "PasswordNoSpecialCharacter" 422 "form_password_no_special_char" {
        message: "The password has no special character",
        long_message: "A password must have at least one character that is neither a letter nor a digit.",
        when: "The instance asks for a special character, and the password has none.",
        help: "Choose a password with one.",
    }
    PASSWORD_MATCHES_IDENTIFIER "PasswordMatchesIdentifier" 422 "form_password_matches_identifier" {
        message: "The password is an identifier of the user",
        long_message: "A password cannot be the username, a phone number or an email address of its user.",
        when: "A password equals the username, a phone number or an email address of its user.",
        help: "Choose another one.",
        frontend: 422 "form_password_matches_identifier" {
            message: "This password is one of your identifiers",
            long_message: "A password cannot be your username, phone number or email address.",
        },
    }
    PASSWORD_PWNED "PasswordPwned" 422 "form_password_pwned" {
        message: "The password is a common one",
        long_message: "Many people use this password, or it was published, so it is guessed first. Choose another one.",
        when: "A password is one of the 10,000 most common ones, or on the operator's own list.",
        help: "Choose another one.",
    }
    PASSWORD_DIGEST_INVALID "PasswordDigestInvalid" 422 "form_password_digest_invalid_code" {
        message: "{param} {why}",
        long_message: "{param} {why}.",
        when: "A digest does not have the form of its hasher, needs more work than is accepted, or its hasher is not supported.",
        help: "Correct the digest or `password_hasher`; the message says what is wrong.",
    }
    TOTP_SECRET_INVALID "TotpSecretInvalid" 422 "invalid_totp_secret_code" {
        message: "The TOTP secret is not valid",
        long_message: "{param} must be base32 of 80 to 512 bits.",
        when: "A TOTP secret is not base32, or has fewer than 80 or more than 512 bits.",
        help: "Send the secret in base32, as authenticators take it.",
    }
    PASSWORD_MISSING "PasswordMissing" 422 "form_data_missing" {
        message: "The user needs a password",
        long_message: "This instance asks for a password. Send one, or a digest, or `skip_password_requirement: true`.",
        when: "The instance asks for a password, and the request creates a user without one.",
        help: "Send a password, a digest, or `skip_password_requirement: true`.",
    }
    PASSWORD_IS_ONLY_WAY "PasswordIsOnlyWay" 422 "form_param_value_invalid" {
        message: "The password cannot be left out",
        long_message: "A password is the only way to sign in to this instance, so every user needs one.",
        when: "`skip_password_requirement` is sent to an instance whose only first factor is the password.",
        help: "Send a password or a digest.",
    }
    PASSWORD_DISABLED "PasswordDisabled" 403 "password_disabled" {
        message: "Passwords are off",
        long_message: "This instance has no passwords: `first_factors.password` is off in its settings.",
        when: "The request is about a password, and the instance has none.",
        help: "Turn `first_factors.password` on in the settings.",
    }
    CREDENTIAL_DISABLED "CredentialDisabled" 403 "feature_not_enabled" {
        message: "{param} is off",
        long_message: "This instance does not have this second factor: it is off in its settings.",
        when: "The request sets a TOTP secret or backup codes, and the instance does not have them.",
        help: "Turn `second_factors.totp` or `second_factors.backup_code` on in the settings.",
    }
    NO_PASSWORD_SET "NoPasswordSet" 400 "no_password_set" {
        message: "The user has no password",
        long_message: "The user has no password. Set one first.",
        when: "The request is about the password of a user who has none.",
        help: "Set a password first.",
    }
    INCORRECT_PASSWORD "IncorrectPassword" 422 "incorrect_password" {
        message: "The password is wrong",
        long_message: "The password is wrong. The try was counted.",
        when: "A wrong password was tried.",
        help: "Let the user try again, or choose a new one.",
        frontend: 422 "form_password_incorrect" {
            message: "The password is wrong",
            long_message: "The password is wrong. Try again, or sign in another way.",
        },
    }
    PASSWORD_COMPROMISED "PasswordCompromised" 422 "form_password_compromised" {
        message: "The password is known to others",
        long_message: "The password was set compromised and opens nothing. The user must choose a new one.",
        when: "The right password was tried, and it was set compromised.",
        help: "Let the user sign in another way and choose a new password, or set one.",
        frontend: 422 "form_password_compromised" {
            message: "Your password is known to others",
            long_message: "Your password may be known to others. Sign in another way and choose a new one.",
        },
    }
    TOTP_DISABLED "TotpDisabled" 400 "totp_disabled" {
        message: "The user has no authenticator",
        long_message: "The user has neither a TOTP secret nor backup codes.",
        when: "A code is tried of a user who has neither TOTP nor backup codes, or whose instance does not have them.",
        help: "Set a TOTP secret first.",
    }
    TOTP_INCORRECT "TotpIncorrect" 422 "totp_incorrect_code" {
        message: "The code is wrong",
        long_message: "The code is wrong, has expired or was used before. The try was counted.",
        when: "A wrong code of an authenticator, or a wrong backup code, was tried; or one that was used before.",
        help: "Let the user enter the code that the authenticator shows now, or another backup code.",
        frontend: 422 "form_code_incorrect" {
            message: "The code is wrong",
            long_message: "The code is wrong, has expired or was used before.",
        },
    }
    TOTP_LENGTH "TotpLength" 422 "totp_invalid_length" {
        message: "The code must have six digits",
        long_message: "The code of an authenticator has six digits, and the user has no backup codes.",
        when: "What is tried does not have six digits, and the user has no backup codes.",
        help: "Let the user enter the six digits that the authenticator shows.",
    }
    FACTOR_CLOSED "FactorClosed" 429 "too_many_requests" {
        message: "Too many wrong tries",
        long_message: "{failures_max} wrong tries within an hour close this factor until the oldest of them is an hour old. \
                       `Retry-After` says for how many seconds. Other ways to sign in are not closed.",
        when: "Ten wrong passwords, codes of an authenticator or backup codes of a user were tried within an hour.",
        help: "Wait for `Retry-After`, or unlock the user.",
        frontend: 429 "too_many_requests" {
            message: "Too many wrong tries",
            long_message: "Too many wrong tries. Wait a while, or sign in another way.",
        },
    }
}
