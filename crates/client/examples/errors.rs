//! What can go wrong, and what a program does about it.
//!
//! `VERGER_SECRET_KEY=sk_test_… VERGER_URL=http://127.0.0.1:4100 cargo run --example errors 0791234567`
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use verger_client::{Client, CreateUserParams, Error};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let number = std::env::args().nth(1).ok_or("say which phone number: +41791234567")?;
    println!("{}", register(&Client::from_env()?, &number).await?);
    Ok(())
}

/// Creates a user with this number; what to tell the person.
pub async fn register(client: &Client, number: &str) -> Result<String, Error> {
    match client.users().create_user(CreateUserParams::new().phone_number(number)).await {
        Ok(user) => Ok(format!("welcome, {}", user.id)),
        // Expected: a rule of the service, told by its code.
        Err(error) if error.is_taken() => Ok("somebody has this number already".to_owned()),
        Err(error) if error.code() == Some("form_param_format_invalid") => {
            // The service's own words, for people; they may repeat what was sent, so they are not for the log.
            Ok(error.errors().first().map_or_else(String::new, |error| error.long_message.clone()))
        }
        // It was sent several times already, as far as that is safe. `retry_after` is what the service asks for.
        Err(error) if error.is_rate_limited() || error.is_server_error() => {
            Ok(format!("try again in {:?}", error.retry_after().unwrap_or_default()))
        }
        // Nothing was sent: the service cannot be reached.
        Err(error) if error.is_connect() => Ok("we cannot reach our service".to_owned()),
        // No answer: the write may have been applied. The same key applies it once, however often it is sent.
        Err(error) if error.is_timeout() || error.is_interrupted() => {
            let key = error.idempotency_key().unwrap_or_default().to_owned();
            let again = client.users().create_user(CreateUserParams::new().phone_number(number));
            Ok(format!("welcome, {}", again.idempotency_key(&key).await?.id))
        }
        // The text says what happened and what to do, and is safe to log: no key, number, address or code is in it.
        Err(error) => Err(error),
    }
}
