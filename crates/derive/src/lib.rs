//! The derives of `verger-wire`: a type of the API is declared once, and from the declaration come how it is read, its
//! schema and its example.
//!
//! - `#[derive(Input)]`: what a request brings. Reading tells null and absent apart, notes every problem instead of the
//!   first one, and refuses or ignores fields that the operation does not have.
//! - `#[derive(Schema)]`: what an answer has.
//!
//! Both read `#[wire(…)]` on the type and its fields; the words for people are the doc comments. `attributes.rs` lists
//! what can stand there.

mod attributes;
mod input;
mod schema;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Declares what a request brings. See [the crate](crate).
#[proc_macro_derive(Input, attributes(wire))]
pub fn input(item: TokenStream) -> TokenStream {
    let item = parse_macro_input!(item as DeriveInput);
    input::expand(&item).unwrap_or_else(|error| error.to_compile_error()).into()
}

/// Declares what an answer has. See [the crate](crate).
#[proc_macro_derive(Schema, attributes(wire))]
pub fn schema(item: TokenStream) -> TokenStream {
    let item = parse_macro_input!(item as DeriveInput);
    schema::expand(&item).unwrap_or_else(|error| error.to_compile_error()).into()
}
