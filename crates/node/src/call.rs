//! From the name of an operation to the request of the Rust SDK.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;
use verger_client::{ApiError, AttemptVerificationParams, Client, Error, Request};

/// A call as JavaScript asks for it.
#[derive(Deserialize)]
pub(crate) struct Call<'a> {
    /// What its answer is told under.
    pub(crate) number: u32,
    operation: &'a str,
    /// What stands in the path, in order.
    #[serde(borrow, default)]
    ids: Vec<Cow<'a, str>>,
    #[serde(borrow, default)]
    query: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// Sent as it is: the service says what is wrong with it.
    #[serde(borrow, default)]
    body: Option<&'a RawValue>,
}

/// As much of a call as is needed to answer it.
#[derive(Deserialize)]
pub(crate) struct Numbered {
    pub(crate) number: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Failure<'a> {
    message: String,
    kind: &'static str,
    status: Option<u16>,
    errors: &'a [ApiError],
    trace_id: Option<&'a str>,
    retry_after_seconds: Option<u64>,
    attempts: u32,
}

type Answer = Request<Box<RawValue>>;

impl Call<'_> {
    /// The request, or why there is none.
    pub(crate) fn request(&self, client: &Client) -> Result<Answer, String> {
        let request = operation(client, self.operation, &self.ids).ok_or_else(|| {
            format!("there is no operation {:?} with {} ids", self.operation, self.ids.len())
        })?;
        let mut request = match self.body {
            Some(body) => request.json(body),
            None => request,
        };
        for (name, value) in &self.query {
            request = request.query(name, value);
        }
        Ok(request)
    }
}

/// Every operation of the SDK. The parameters are left out: the body takes their place.
fn operation(client: &Client, name: &str, ids: &[Cow<'_, str>]) -> Option<Answer> {
    let (phones, emails, users) = (client.phone_numbers(), client.email_addresses(), client.users());
    let attempt = AttemptVerificationParams::default;
    let ids: Vec<&str> = ids.iter().map(AsRef::as_ref).collect();
    Some(match (name, ids.as_slice()) {
        ("CreatePhoneNumber", []) => phones.create_phone_number(Default::default()).decode(),
        ("GetPhoneNumber", [id]) => phones.get_phone_number(id).decode(),
        ("UpdatePhoneNumber", [id]) => phones.update_phone_number(id, Default::default()).decode(),
        ("DeletePhoneNumber", [id]) => phones.delete_phone_number(id).decode(),
        ("PreparePhoneNumberVerification", [id]) => phones.prepare_phone_number_verification(id).decode(),
        ("AttemptPhoneNumberVerification", [id]) => {
            phones.attempt_phone_number_verification(id, attempt()).decode()
        }
        ("VergerGetPhoneNumber", [id]) => phones.get_phone_number_details(id).decode(),
        ("CreateEmailAddress", []) => emails.create_email_address(Default::default()).decode(),
        ("GetEmailAddress", [id]) => emails.get_email_address(id).decode(),
        ("UpdateEmailAddress", [id]) => emails.update_email_address(id, Default::default()).decode(),
        ("DeleteEmailAddress", [id]) => emails.delete_email_address(id).decode(),
        ("PrepareEmailAddressVerification", [id]) => emails.prepare_email_address_verification(id).decode(),
        ("AttemptEmailAddressVerification", [id]) => {
            emails.attempt_email_address_verification(id, attempt()).decode()
        }
        ("GetUserList", []) => users.get_user_list(Default::default()).decode(),
        ("GetUsersCount", []) => users.get_count(Default::default()).decode(),
        ("CreateUser", []) => users.create_user(Default::default()).decode(),
        ("GetUser", [id]) => users.get_user(id).decode(),
        ("UpdateUser", [id]) => users.update_user(id, Default::default()).decode(),
        ("DeleteUser", [id]) => users.delete_user(id).decode(),
        ("UpdateUserMetadata", [id]) => users.update_user_metadata(id, Default::default()).decode(),
        ("ReplaceUserMetadata", [id]) => users.replace_user_metadata(id, Default::default()).decode(),
        ("ReplaceUserPhoneNumber", [id]) => users.replace_user_phone_number(id, Default::default()).decode(),
        ("ReplaceUserEmailAddress", [id]) => {
            users.replace_user_email_address(id, Default::default()).decode()
        }
        ("BanUser", [id]) => users.ban_user(id).decode(),
        ("UnbanUser", [id]) => users.unban_user(id).decode(),
        ("UsersBan", []) => users.ban_users(&[]).decode(),
        ("UsersUnban", []) => users.unban_users(&[]).decode(),
        ("LockUser", [id]) => users.lock_user(id).decode(),
        ("UnlockUser", [id]) => users.unlock_user(id).decode(),
        ("DisableMFA", [id]) => users.disable_user_mfa(id).decode(),
        _ => return None,
    })
}

/// What goes back over the border.
pub(crate) fn outcome(result: Result<Box<RawValue>, Error>) -> String {
    match result {
        Ok(answer) => format!("{{\"ok\":{}}}", answer.get()),
        Err(error) => failed(&Failure {
            message: error.to_string(),
            kind: kind(&error),
            status: error.status(),
            errors: error.errors(),
            trace_id: error.trace_id(),
            retry_after_seconds: error.retry_after().map(|wait| wait.as_secs()),
            attempts: error.attempts(),
        }),
    }
}

/// A failure that no answer told of.
pub(crate) fn broken(message: String) -> String {
    failed(&Failure {
        message,
        kind: "refused",
        status: None,
        errors: &[],
        trace_id: None,
        retry_after_seconds: None,
        attempts: 0,
    })
}

fn failed(failure: &Failure<'_>) -> String {
    serde_json::to_string(failure).map_or_else(
        |_| r#"{"error":{"message":"an error that cannot be told","kind":"refused","errors":[]}}"#.to_owned(),
        |error| format!("{{\"error\":{error}}}"),
    )
}

fn kind(error: &Error) -> &'static str {
    match error {
        error if error.is_refused() => "refused",
        error if error.is_timeout() => "timeout",
        error if error.is_connect() => "connect",
        error if error.is_interrupted() => "interrupted",
        error if error.is_decode() => "decode",
        _ => "api",
    }
}
