//! Examples of answers to operations that leave an object in a state of its own: the example of the type is of one that was
//! just made.

use serde_json::{Map, Value, json};

/// When the things of all examples are made, in Unix milliseconds.
const MADE_AT: i64 = 1_779_181_200_000;
const HOUR_MS: i64 = 60 * 60 * 1000;

/// Makes of the example of the type the answer to this operation.
pub(crate) fn put(operation_id: &str, example: &mut Value) {
    let Value::Object(example) = example else { return };
    let mut set = |fields: &[(&str, Value)]| {
        fields.iter().for_each(|(name, value)| drop(example.insert((*name).to_owned(), value.clone())));
    };
    match operation_id {
        "RevokeSession" => set(&[("status", json!("revoked"))]),
        "RevokeInvitation" => without_secret(example),
        "RevokeSignInToken" | "RevokeActorToken" => {
            set(&[("status", json!("revoked"))]);
            without_secret(example);
        }
        "VergerRotateSigningKey" => {
            set(&[("state", json!("pending")), ("signs_at", json!(MADE_AT + HOUR_MS))]);
        }
        "VergerRetireSigningKey" => {
            set(&[("state", json!("retired")), ("retired_at", json!(MADE_AT + 26 * HOUR_MS))]);
        }
        _ => {}
    }
}

/// The secret is only in the answer that makes the object.
fn without_secret(example: &mut Map<String, Value>) {
    example.remove("token");
    example.remove("url");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_back_has_no_secret_and_says_so() {
        let mut example =
            json!({ "status": "pending", "token": "ticket_1", "url": "https://clerk.example.com" });
        put("CreateSignInToken", &mut example);
        assert_eq!(example["token"], "ticket_1");
        put("RevokeSignInToken", &mut example);
        assert_eq!(example, json!({ "status": "revoked" }));
    }
}
