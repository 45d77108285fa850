//! The newest users, and then all of them, page by page.
//!
//! `VERGER_SECRET_KEY=sk_test_… VERGER_URL=http://127.0.0.1:4100 cargo run --example list_users`
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use verger_client::{Client, Error, GetUserListParams};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = Client::from_env()?;
    println!("the newest: {}", newest(&client).await?.join(", "));
    println!("{} users have not been banned", count(&client).await?);
    Ok(())
}

/// The ids of the newest users: one page.
pub async fn newest(client: &Client) -> Result<Vec<String>, Error> {
    let params = GetUserListParams::new().order_by("-created_at").limit(5);
    Ok(client.users().get_user_list(params).await?.into_iter().map(|user| user.id).collect())
}

/// All users, however many they are; the next page is read when it is needed. It is also a `futures_core::Stream`.
pub async fn count(client: &Client) -> Result<usize, Error> {
    let mut users = client.users().stream_user_list(GetUserListParams::new().banned(false).limit(100));
    let mut count = 0;
    while let Some(_user) = users.try_next().await? {
        count += 1;
    }
    Ok(count)
}
