//! The community Rust client (`clerk-rs`) pointed at a running Verger.
//!
//! The calls themselves are in `tests/phone_numbers.rs`; `cargo xtask interop clerk-rs` starts a server for
//! them. By hand: start `verger dev --ephemeral`, put what it prints into [`URL_VARIABLE`] and
//! [`SECRET_KEY_VARIABLE`], and run `cargo test -p verger-interop-clerk-rs`.

use clerk_rs::apis::configuration::Configuration;

/// The environment variable with the server's address, without `/v1`.
pub const URL_VARIABLE: &str = "VERGER_URL";

/// The environment variable with the secret key of the instance under test.
pub const SECRET_KEY_VARIABLE: &str = "VERGER_SECRET_KEY";

/// The client's configuration for the server that the environment names.
///
/// # Errors
/// A sentence for the person at the terminal, when one of the two variables is missing.
pub fn configuration_from_env() -> Result<Configuration, String> {
    let url = required(URL_VARIABLE)?;
    let secret_key = required(SECRET_KEY_VARIABLE)?;
    Ok(Configuration::new(secret_key).with_base_path(format!("{}/v1", url.trim_end_matches('/'))))
}

fn required(variable: &str) -> Result<String, String> {
    std::env::var(variable).map_err(|_| {
        format!(
            "{variable} is not set: these tests need a running server. Run `cargo xtask interop clerk-rs`, or start \
             `verger dev --ephemeral` and set {URL_VARIABLE} and {SECRET_KEY_VARIABLE} to what it prints."
        )
    })
}
