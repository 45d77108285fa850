//! The reasons that the rules of users and their identifiers give, as rows: what each API says for them.

use verger_wire::reasons;

reasons! {
    NOT_FOUND "NotFound" 404 "resource_not_found" {
        message: "The {object} does not exist",
        long_message: "This instance has no {object} with this id.",
        when: "This instance has no object with this id.",
        help: "Check the id and which instance the key belongs to: objects of other instances do not exist here.",
    }

    PHONE_NUMBER_TAKEN "PhoneNumberTaken" 422 "form_identifier_exists" {
        // Literal: clients compare it.
        message: "That phone number is taken. Please try another.",
        long_message: "That phone number is taken. Please try another.",
        when: "Another user of the instance has claimed the phone number, or this user has it already.",
        help: "Choose another one, or release this one first.",
    }
    EMAIL_ADDRESS_TAKEN "EmailAddressTaken" 422 "form_identifier_exists" {
        message: "This email address is in use",
        long_message: "A user of this instance has this email address already.",
        when: "Another user of the instance has claimed the email address, or this user has it already.",
        help: "Choose another one, or release this one first.",
        frontend: 422 "form_identifier_exists" {
            message: "This email address is in use",
            long_message: "That email address is taken. Please try another.",
        },
    }
    USERNAME_TAKEN "UsernameTaken" 422 "form_identifier_exists" {
        message: "This username is in use",
        long_message: "Usernames are case-insensitive, and a user of this instance has this one.",
        when: "Another user of the instance has the username, in upper or lower case.",
        help: "Choose another one, or release this one first.",
        frontend: 422 "form_identifier_exists" {
            message: "This username is in use",
            long_message: "That username is taken. Please try another.",
        },
    }
    EXTERNAL_ID_TAKEN "ExternalIdTaken" 422 "form_identifier_exists" {
        message: "This external id is in use",
        long_message: "A user of this instance has this external id already.",
        when: "Another user of the instance has the external id.",
        help: "Choose another one, or release this one first.",
    }
    NOT_THE_USERS "NotTheUsers" 422 "form_resource_not_found" {
        message: "The user does not have this identification",
        long_message: "The id must be that of one of the user's own identifications of this kind.",
        when: "A field names an identification that is not this user's.",
        help: "Send the id of an object of this instance, and of this user.",
        frontend: 422 "form_resource_not_found" {
            message: "You do not have this identification",
            long_message: "It must be one of your own phone numbers or email addresses.",
        },
    }
    NEEDS_VERIFICATION "NeedsVerification" 422 "form_verification_needed" {
        message: "Only a verified or reserved identification can be primary",
        long_message: "Verify it first, for example with `verified: true` in the same request.",
        when: "The request makes an identification primary that is neither verified nor reserved.",
        help: "Verify it first, or add `verified: true` to the same request.",
        frontend: 422 "form_verification_needed" {
            message: "Only a verified identification can be primary",
            long_message: "Verify it first, then make it primary.",
        },
    }
    SECOND_FACTOR_UNVERIFIED_ON_CREATE "SecondFactorUnverifiedOnCreate"
    400 "identification_create_second_factor_unverified" {
        message: "A second factor must be verified",
        long_message: "Verify the phone number first, for example with `verified: true` in the same request.",
        when: "The request adds a second factor that is not verified.",
        help: "Add `verified: true`, or make it a second factor later.",
        frontend: 400 "identification_create_second_factor_unverified" {
            message: "A second factor must be verified",
            long_message: "Add and verify the phone number first, then make it a second factor.",
        },
    }
    SECOND_FACTOR_UNVERIFIED "SecondFactorUnverified" 400 "identification_update_second_factor_unverified" {
        message: "A second factor must be verified",
        long_message: "Verify the phone number first, for example with `verified: true` in the same request.",
        when: "The request makes an unverified phone number a second factor.",
        help: "Add `verified: true` to the same request.",
        frontend: 400 "identification_update_second_factor_unverified" {
            message: "A second factor must be verified",
            long_message: "Verify the phone number first, then make it a second factor.",
        },
    }
    ONLY_SIGN_IN_IDENTIFICATION "OnlySignInIdentification" 400 "identification_update_failed" {
        message: "The user's only way to sign in cannot be a second factor",
        long_message: "Give the user another verified or reserved identification first.",
        when: "The request makes the user's only identification for sign-in a second factor.",
        help: "Give the user another verified or reserved identification first.",
        frontend: 400 "identification_update_failed" {
            message: "Your only way to sign in cannot be a second factor",
            long_message: "Add and verify another way to sign in first.",
        },
    }
    LAST_IDENTIFICATION "LastIdentification" 400 "identification_deletion_failed" {
        message: "The user's last identification cannot be deleted",
        long_message: "Add another identification first, or delete the user.",
        when: "The request deletes the user's last identification.",
        help: "Add another one first, or delete the user.",
        frontend: 400 "identification_deletion_failed" {
            message: "Your last identification cannot be deleted",
            long_message: "Add another phone number or email address first.",
        },
    }
    IDENTIFICATION_MISSING "IdentificationMissing" 422 "form_data_missing" {
        message: "The user needs an identification",
        long_message: "Send a phone_number, an email_address or a username, or `skip_user_requirement: true`.",
        when: "The request creates a user without any identification.",
        help: "Send a phone number, an email address or a username, or `skip_user_requirement: true`.",
    }
    TOO_MANY_IDENTIFICATIONS "TooManyIdentifications" 422 "form_param_array_size_exceeded" {
        message: "The user has too many of {kind}",
        long_message: "A user can have at most {max} of {kind}. Delete one first.",
        when: "The user has reached the limit of identifications of this type.",
        help: "Send at most as many as the message says.",
        frontend: 422 "form_param_array_size_exceeded" {
            message: "You have too many of {kind}",
            long_message: "You can have at most {max} of {kind}. Delete one first.",
        },
    }

    CODE_JUST_SENT "CodeJustSent" 429 "verification_code_too_many_requests" {
        message: "A code was sent a moment ago",
        long_message: "A code can be sent to the same number or address once in {pause_seconds} seconds. `Retry-After` says \
                       how many are left.",
        when: "A code was sent to the same number or address less than 30 seconds ago.",
        help: "Wait for `Retry-After`.",
        // There the running verification is answered again, and nothing is sent.
        frontend: 200 "verification_code_too_many_requests",
    }
    VERIFICATION_CLOSED "VerificationClosed" 429 "too_many_requests" {
        message: "Too many wrong codes were tried",
        long_message: "{failures_max} wrong codes within an hour close the verification of this number or address. \
                       `Retry-After` says for how many seconds. Other ways to sign in are not closed.",
        when: "Too many wrong codes closed the verification of the number or address.",
        help: "Wait for `Retry-After`.",
        frontend: 400 "verification_failed" {
            message: "Too many wrong codes were tried",
            long_message: "Too many wrong codes were tried. Wait a while, or sign in another way.",
        },
    }
    VERIFICATION_MISSING "VerificationMissing" 404 "resource_not_found" {
        message: "The verification does not exist",
        long_message: "This instance has no verification with this id.",
        when: "This identification has no verification with this id.",
        help: "Prepare a verification first.",
        frontend: 400 "verification_missing" {
            message: "No code was sent",
            long_message: "Request a code first.",
        },
    }
    CODE_INCORRECT "CodeIncorrect" 200 "form_code_incorrect" {
        message: "The code is wrong",
        long_message: "The code is wrong. Check it and try again.",
        when: "A wrong code was tried.",
        help: "Enter the code of the newest message, or request a new one.",
        frontend: 422 "form_code_incorrect",
    }
    CODE_EXPIRED "CodeExpired" 200 "verification_expired" {
        message: "The code has expired",
        long_message: "The code has expired. Request a new one.",
        when: "A code was tried after it had expired.",
        help: "Request a new code.",
        frontend: 400 "verification_expired",
    }
    ALREADY_VERIFIED "AlreadyVerified" 400 "verification_already_verified" {
        message: "This code was accepted before",
        long_message: "A code works once. Nothing was changed.",
        when: "The code was already accepted.",
        help: "Nothing to do: the number or address is verified.",
    }
    USER_BANNED "UserBanned" 403 "user_banned" {
        message: "The user is banned",
        long_message: "Unban the user first: no code is sent and nothing is tried before.",
        when: "The user is banned.",
        help: "Unban the user first: no code is sent and nothing is tried before.",
        frontend: 403 "user_banned" {
            message: "Your account is banned",
            long_message: "Your account is banned. Contact support.",
        },
    }
    USER_LOCKED "UserLocked" 403 "user_locked" {
        message: "The user is locked",
        long_message: "Unlock the user first: no code is sent and nothing is tried before.",
        when: "The user is locked.",
        help: "Unlock the user first: no code is sent and nothing is tried before.",
        frontend: 403 "user_locked" {
            message: "Your account is locked",
            long_message: "Your account is locked. Try again later, or contact support.",
        },
    }

    FORMAT_INVALID "FormatInvalid" 422 "form_param_format_invalid" {
        message: "{param} {why}",
        long_message: "{param} {why}.",
        when: "A value does not have the format of its field, such as a number outside every numbering plan.",
        help: "Correct the value; the message says what is wrong with it.",
    }
    PHONE_NUMBER_DIGITS "PhoneNumberDigits" 422 "form_param_format_invalid" {
        message: "{param} must be an E.164 number, which has 7 to 15 digits after the plus sign; it has {digits}",
        long_message: "{param} must be an E.164 number, which has 7 to 15 digits after the plus sign; it has {digits}.",
        when: "A phone number has fewer than 7 or more than 15 digits.",
        help: "Correct the value; the message says what is wrong with it.",
    }
    TOO_LONG "TooLong" 422 "form_param_max_length_exceeded" {
        message: "{param} may have at most {max} {unit}; it has {length}",
        long_message: "{param} may have at most {max} {unit}; it has {length}.",
        when: "A text is longer than its field allows.",
        help: "Send a shorter one; the message says both lengths.",
    }
    TOO_SHORT "TooShort" 422 "form_param_min_length_exceeded" {
        message: "{param} {why}",
        long_message: "{param} {why}.",
        when: "A value is empty where an empty string is not allowed, such as `external_id`.",
        help: "Send a non-empty string, or null to remove it.",
    }
    METADATA_TOO_LARGE "MetadataTooLarge" 422 "form_param_exceeds_allowed_size" {
        message: "{param} is too large: {bytes} bytes, and at most {bytes_max} are allowed",
        long_message: "{param} may have at most {bytes_max} bytes of JSON; after this request it would have {bytes}.",
        when: "A metadata object would have more than 8192 bytes of JSON (after a merge, the merged one), or the `actor` of an \
               actor token more than 1200.",
        help: "Store less in it; the message states the size.",
    }
    TIME_INVALID "TimeInvalid" 422 "form_param_invalid_time" {
        message: "{param} must be an RFC 3339 date and time such as 2012-10-20T07:15:20.902Z",
        long_message: "{param} must be an RFC 3339 date and time such as 2012-10-20T07:15:20.902Z.",
        when: "A date and time is not in RFC 3339.",
        help: "Send one such as `2012-10-20T07:15:20.902Z`.",
    }
    TIME_OUT_OF_RANGE "TimeOutOfRange" 422 "form_param_invalid_time" {
        message: "{param} must be from 0000-01-01T00:00:00Z to 9999-12-30T22:00:00Z",
        long_message: "{param} must be from 0000-01-01T00:00:00Z to 9999-12-30T22:00:00Z.",
        when: "A date and time is not from 0000-01-01T00:00:00Z to 9999-12-30T22:00:00Z.",
        help: "Send one such as `2012-10-20T07:15:20.902Z`.",
    }
    USERNAME_LENGTH "UsernameLength" 422 "form_username_invalid_length" {
        message: "{param} must have {min} to {max} characters; it has {length}",
        long_message: "{param} must have {min} to {max} characters; it has {length}.",
        when: "A username has fewer than 4 or more than 64 characters, or than the settings of the instance say.",
        help: "Use a longer or shorter one.",
    }
    USERNAME_CHARACTER "UsernameCharacter" 422 "form_username_invalid_character" {
        message: "{param} may contain only the letters A to Z, digits, underscores and hyphens",
        long_message: "{param} may contain only the letters A to Z, digits, underscores and hyphens.",
        when: "A username has a character that is neither a letter A to Z, a digit, an underscore nor a hyphen.",
        help: "Remove these characters.",
    }
    USERNAME_ALL_DIGITS "UsernameAllDigits" 422 "form_username_needs_non_number_char" {
        message: "{param} must have at least one character that is not a digit",
        long_message: "{param} must have at least one character that is not a digit.",
        when: "A username consists of digits only and could be mistaken for a phone number.",
        help: "Add a letter, an underscore or a hyphen.",
    }

    WEBHOOK_ENDPOINTS_QUOTA "WebhookEndpointsQuota" 403 "quota_exceeded" {
        message: "The instance has {max} webhook endpoints already",
        long_message: "An instance can have at most {max} webhook endpoints. Remove one first. Nothing was changed.",
        when: "The instance has reached its limit of 200 webhook endpoints.",
        help: "Remove one first.",
    }
    INSECURE_URL "InsecureUrl" 422 "insecure_url" {
        message: "{param} {why}",
        long_message: "{param} {why}.",
        when: "The URL of a webhook endpoint begins with `http://`.",
        help: "Use `https://`, or set `allow_plain_http` in `[webhooks]` on a network that nobody else can read.",
    }
}
