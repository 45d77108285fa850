//! `cargo xtask generate [--check | --quick]`. A program of its own, so that xtask itself needs no server to be compiled first.
#![allow(clippy::print_stdout, reason = "a command line for developers")]

mod api;
mod clients;
mod errors;
mod generate;
mod instance_settings;
mod openapi;
mod outcomes;
mod sdk;
mod settings;

use anyhow::{Result, bail};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => generate::run(generate::Mode::Write),
        ["--check"] => generate::run(generate::Mode::Check),
        ["--quick"] => generate::run(generate::Mode::Quick),
        other => bail!("{other:?}: only --check and --quick are known; use `cargo xtask generate`"),
    }
}
