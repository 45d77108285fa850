//! Tracks where a setting came from, so that errors name the flag or variable that the operator used.

use clap::error::{ContextKind, ContextValue};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};
use std::collections::BTreeMap;
use std::ffi::OsString;

/// The settings that came from the environment.
#[derive(Clone, Debug, Default)]
pub(super) struct Given {
    variables: BTreeMap<String, String>,
}

impl Given {
    /// The settings of the chosen command that came from the environment.
    pub(super) fn of(matches: &ArgMatches, command: &Command) -> Self {
        let (mut matches, mut command) = (matches, command);
        while let Some((name, chosen)) = matches.subcommand()
            && let Some(found) = command.find_subcommand(name)
        {
            (matches, command) = (chosen, found);
        }
        let variables = command.get_arguments().filter_map(|argument| {
            let id = argument.get_id().as_str();
            let variable = argument.get_env()?.to_string_lossy().into_owned();
            (matches.value_source(id) == Some(ValueSource::EnvVariable)).then(|| (id.to_owned(), variable))
        });
        Self { variables: variables.collect() }
    }

    /// `--listen`, or `VERGER_LISTEN` if the value came from there; `id` is the key in the configuration file.
    pub(super) fn name(&self, id: &str) -> String {
        self.variables.get(id).cloned().unwrap_or_else(|| format!("--{}", id.replace('_', "-")))
    }
}

/// Names the variable in an error about a flag that nobody typed: the value came from the environment.
pub(super) fn name_variables(
    mut error: clap::Error,
    command: &Command,
    arguments: &[OsString],
) -> clap::Error {
    for kind in [ContextKind::InvalidArg, ContextKind::PriorArg] {
        let named = match error.get(kind) {
            Some(ContextValue::String(text)) => ContextValue::String(named(text, command, arguments)),
            Some(ContextValue::Strings(texts)) => {
                ContextValue::Strings(texts.iter().map(|text| named(text, command, arguments)).collect())
            }
            _ => continue,
        };
        error.insert(kind, named);
    }
    error
}

/// `--listen <ADDRESS:PORT>` unchanged, or the variable in its place.
fn named(shown: &str, command: &Command, arguments: &[OsString]) -> String {
    let flag = shown.split([' ', '=']).next().unwrap_or_default();
    let is_typed = arguments.iter().any(|argument| {
        let argument = argument.to_string_lossy();
        argument.strip_prefix(flag).is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
    });
    if is_typed {
        return shown.to_owned();
    }
    variable_of(flag, command).unwrap_or_else(|| shown.to_owned())
}

/// The variable of a flag, if it is set.
fn variable_of(flag: &str, command: &Command) -> Option<String> {
    let is_it =
        |argument: &&Arg| argument.get_long().is_some_and(|long| flag.strip_prefix("--") == Some(long));
    let here = command.get_arguments().filter(is_it).filter_map(Arg::get_env);
    let set =
        here.filter(|name| std::env::var_os(name).is_some()).map(|name| name.to_string_lossy().into_owned());
    set.into_iter().next().or_else(|| command.get_subcommands().find_map(|sub| variable_of(flag, sub)))
}
