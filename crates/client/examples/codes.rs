//! Gives a new user a phone number, sends it a code, and tries it. The code is read from the inbox of `verger dev`; in
//! production the person types it.
//!
//! `VERGER_SECRET_KEY=sk_test_… VERGER_URL=http://127.0.0.1:4100 cargo run --example codes +41791234567`
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use verger_client::{
    AttemptVerificationParams, Client, CreatePhoneNumberParams, CreateUserParams, Error, ListMessagesParams,
    VerificationStatus,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let number = std::env::args().nth(1).ok_or("say which phone number: +41791234567")?;
    let status = verify(&Client::from_env()?, &number).await?;
    println!("{number} is {status}");
    Ok(())
}

/// Runs the whole way of a code; what came of it.
pub async fn verify(client: &Client, number: &str) -> Result<VerificationStatus, Error> {
    let params = CreateUserParams::new().first_name("Ada").skip_user_requirement(true);
    let user = client.users().create_user(params).await?;
    let params = CreatePhoneNumberParams::new(user.id, number);
    let phone = client.phone_numbers().create_phone_number(params).await?;

    let sent = client.phone_numbers().prepare_phone_number_verification(&phone.id).await?;
    let params = ListMessagesParams::new().phone_number_id(&phone.id).limit(1);
    let messages = client.messages().list_messages(params).await?;
    // Nothing is sent to the test numbers, +1 XXX 555 0100 to 0199; the inbox has their code, which is always 424242.
    let code = messages.first().map_or("", |message| &message.code);

    let params = AttemptVerificationParams::new(sent.id, code);
    let tried = client.phone_numbers().attempt_phone_number_verification(&phone.id, params).await?;
    // A wrong or an expired code is no error: the status tells.
    Ok(tried.status)
}
