//! The reasons that the store gives.

use verger_wire::reasons;

reasons! {
    STORE_UNAVAILABLE "StoreUnavailable" 503 "service_unavailable" {
        message: "The server cannot do this now",
        long_message: "The store does not answer. Nothing was changed; try again in a second.",
        when: "The store does not answer.",
        help: "Try again after `Retry-After`, which is one second.",
    }
    OBJECT_BUSY "ObjectBusy" 503 "service_unavailable" {
        message: "The server cannot do this now",
        long_message: "The object is being changed by many requests at once. Nothing was changed; try again in a second.",
        when: "The object is being changed by too many at once.",
        help: "Try again after `Retry-After`, which is one second.",
    }
    OUTCOME_UNKNOWN "OutcomeUnknown" 503 "service_unavailable" {
        message: "The database did not say whether it stored the change",
        long_message: "It is not known whether the change was made. Read the object before you repeat the request, or repeat it \
                       with the same Idempotency-Key.",
        when: "The database connection was lost or its disk failed during the commit, so the outcome is unknown.",
        help: "Where the message says that the outcome is unknown, read the object first, or repeat the request with the same \
               `Idempotency-Key`.",
    }
    TRY_COUNTED "TryCounted" 503 "service_unavailable" {
        message: "The server cannot do this now",
        long_message: "The try of the code was counted, but what comes of it could not be stored. Nothing else was changed; \
                       try again in a second, which counts as another try.",
        when: "The attempt was counted, but its outcome could not be stored.",
        help: "Try again after `Retry-After`, which is one second.",
    }
}
