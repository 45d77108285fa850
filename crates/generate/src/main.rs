//! `cargo xtask generate [--check]`. A program of its own, so that xtask itself needs no server to be compiled first.
#![allow(clippy::print_stdout, reason = "a command line for developers")]

mod api;
mod generate;
mod sdk;
mod settings;

use anyhow::{Result, bail};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => generate::run(false),
        ["--check"] => generate::run(true),
        other => bail!("{other:?}: only --check is known; use `cargo xtask generate`"),
    }
}
