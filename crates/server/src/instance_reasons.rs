//! Why requests about an instance itself are refused: its settings, keys, lists and invitations.

use verger_wire::reasons;

reasons! {
    FRONTEND_HOST_MISSING "FrontendHostMissing" 400 "request_invalid_for_instance" {
        message: "The instance has no frontend host",
        long_message: "Tokens and links name the host under which browsers reach the instance, and it has none.",
        when: "The answer would name a frontend host, and the instance has none.",
        help: "Add one with `verger instances add-host`.",
    }
    SETTING_NOT_BUILT "SettingNotBuilt" 403 "feature_not_enabled" {
        message: "{param} cannot be switched on",
        long_message: "Verger does not have what {param} would switch on. Nothing was changed.",
        when: "A setting would switch on what Verger does not have yet.",
        help: "Leave it off.",
    }
    ROTATION_PENDING "RotationPending" 409 "signing_key_rotation_pending" {
        message: "A rotation is planned already",
        long_message: "The key {key} is published and will sign from {signs_at} on. Wait for it, or retire it first.",
        when: "A new signing key is asked for while one is published that does not sign yet.",
        help: "Wait until that key signs, or retire it first.",
    }
    SIGNING_KEY_IN_USE "SigningKeyInUse" 409 "signing_key_in_use" {
        message: "The signing key is in use",
        long_message: "{why}. With `now` it is retired at once, and the tokens that it signed are refused.",
        when: "A signing key is to be retired that signs, or that signed tokens which may still be valid.",
        help: "Rotate first and wait, or retire it at once if it is in the wrong hands.",
    }
    SIGNING_KEY_RETIRED "SigningKeyRetired" 409 "signing_key_retired" {
        message: "The signing key is retired",
        long_message: "It is not published and signs nothing. Nothing was changed.",
        when: "A signing key is to be retired that is no longer published.",
        help: "There is nothing left to do.",
    }
    DUPLICATE_RECORD "DuplicateRecord" 400 "duplicate_record" {
        message: "There is one already",
        long_message: "This instance has {object} with the same {param} already. Nothing was changed.",
        when: "The instance has an entry, a redirect URL or an open invitation like it already.",
        help: "Use the one that is there, or delete or revoke it first.",
    }
    INVITATION_ACCEPTED "InvitationAccepted" 400 "invitation_already_accepted" {
        message: "The invitation was accepted",
        long_message: "A user signed up with it, so it cannot be revoked.",
        when: "An invitation is to be revoked that a user has accepted.",
        help: "Ban or delete the user who accepted it.",
    }
    INVITATION_REVOKED "InvitationRevoked" 400 "invitation_already_revoked" {
        message: "The invitation was revoked before",
        long_message: "It cannot be accepted. Nothing was changed.",
        when: "An invitation is to be revoked that was revoked before.",
        help: "There is nothing left to do.",
    }
    INSTANCE_QUOTA "InstanceQuota" 403 "quota_exceeded" {
        message: "The instance has {max} {objects} already",
        long_message: "An instance can have at most {max} {objects}. Remove some first. Nothing was changed.",
        when: "The instance has reached its limit of entries of a list, redirect URLs or open invitations.",
        help: "Remove some first.",
    }
}
