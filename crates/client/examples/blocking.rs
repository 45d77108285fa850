//! Without an async runtime: `.send()` in place of `.await`, an iterator in place of a stream. Needs the feature `blocking`.
//!
//! `VERGER_SECRET_KEY=sk_test_… VERGER_URL=http://127.0.0.1:4100 cargo run --features blocking --example blocking`
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use verger_client::blocking::Client;
use verger_client::{CreateUserParams, Error, GetUserListParams};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for name in names(&Client::from_env()?)? {
        println!("{name}");
    }
    Ok(())
}

/// Creates a user; the names of all.
pub fn names(client: &Client) -> Result<Vec<String>, Error> {
    let params = CreateUserParams::new().first_name("Ada").last_name("Lovelace").skip_user_requirement(true);
    client.users().create_user(params).send()?;
    client
        .users()
        .iterate_user_list(GetUserListParams::new())
        .map(|user| Ok(user?.first_name.unwrap_or_default()))
        .collect()
}
