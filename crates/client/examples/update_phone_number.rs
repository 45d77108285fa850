//! Marks a phone number as unverified, unless somebody changes it in between.
//!
//! `VERGER_SECRET_KEY=sk_test_… VERGER_URL=http://127.0.0.1:4100 cargo run --example update_phone_number idn_…`
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use verger_client::{Client, UpdatePhoneNumberParams};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let id = std::env::args().nth(1).ok_or("say which phone number: idn_…")?;
    let client = Client::from_env()?;

    // Read it, and change only what was read.
    let read = client.phone_numbers().get_phone_number(&id).response().await?;
    if !read.value().is_verified() {
        println!("{id} is not verified; nothing to do");
        return Ok(());
    }
    let params = UpdatePhoneNumberParams::new().verified(false);
    let mut update = client.phone_numbers().update_phone_number(&id, params);
    if let Some(etag) = read.etag() {
        update = update.if_match(etag);
    }
    match update.response().await {
        Ok(done) => {
            println!("{id} is no longer verified");
            for consequence in done.consequences() {
                println!("  consequence: {consequence}");
            }
            Ok(())
        }
        Err(error) if error.is_precondition_failed() => {
            Err("somebody else changed it meanwhile: look again".into())
        }
        Err(error) => Err(error.into()),
    }
}
