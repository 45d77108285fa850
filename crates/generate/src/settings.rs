//! The table of settings in `docs/operating.md`, from the flags of `verger serve`.

use anyhow::{Context as _, Result, bail};
use std::fmt::Write as _;

const BEGIN: &str =
    "<!-- settings: written by `cargo xtask generate` from crates/server/src/config.rs; do not edit -->\n";
const END: &str = "<!-- end of settings -->\n";

/// The page with the table that belongs to this command line.
///
/// # Errors
/// The page has not the two marks, or a setting lacks what the table says about it.
pub(crate) fn with_table(page: &str, command: &clap::Command) -> Result<String> {
    let marks = "docs/operating.md must have the marks of the settings table, one of each";
    let (before, rest) = page.split_once(BEGIN).context(marks)?;
    let (_, after) = rest.split_once(END).context(marks)?;
    if after.contains(BEGIN) || after.contains(END) {
        bail!(marks);
    }
    let serve = command.find_subcommand("serve").context("there is no `verger serve`")?;
    Ok(format!("{before}{BEGIN}\n{}\n{END}{after}", table(serve)?))
}

fn table(serve: &clap::Command) -> Result<String> {
    let mut text = "| flag | file key | environment | default | unit or values | what |\n\
                    |---|---|---|---|---|---|\n"
        .to_owned();
    for argument in serve.get_arguments() {
        let Some(flag) = argument.get_long() else { continue };
        if matches!(flag, "help" | "version") || argument.is_hide_set() {
            continue;
        }
        let environment = argument.get_env().with_context(|| format!("--{flag} has no environment name"))?;
        let environment = environment.to_string_lossy();
        let help = argument.get_help().with_context(|| format!("--{flag} has no help"))?.to_string();
        let key = flag.replace('-', "_");
        // The file cannot name itself.
        let (key, default, what) = if flag == "config" {
            (String::new(), "none".to_owned(), help.as_str())
        } else {
            let (what, default) = help.rsplit_once(" Default: ").with_context(|| {
                format!("the help of --{flag} must end with ` Default: ` and the default, or `none`")
            })?;
            let default = if default == "none" { default.to_owned() } else { format!("`{default}`") };
            (format!("`{key}`"), default, what)
        };
        let what = what.trim_end_matches('.').replace('|', "\\|");
        let unit = unit(&key.replace('`', ""), argument);
        writeln!(text, "| `--{flag}` | {key} | `{environment}` | {default} | {unit} | {what} |")?;
    }
    Ok(text)
}

/// From the end of the name, else the values that there are, else what the help shows in place of the value.
fn unit(key: &str, argument: &clap::Arg) -> String {
    for (end, unit) in
        [("_ms", "milliseconds"), ("_seconds", "seconds"), ("_bytes", "bytes"), ("_mib", "MiB")]
    {
        if key.ends_with(end) {
            return unit.to_owned();
        }
    }
    let values = argument.get_possible_values();
    if !values.is_empty() {
        let values: Vec<_> = values.iter().map(|value| format!("`{}`", value.get_name())).collect();
        return values.join(", ");
    }
    let names = argument.get_value_names().unwrap_or_default();
    names.first().map(|name| name.to_lowercase()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Arg, Command};

    fn command(arguments: impl IntoIterator<Item = Arg>) -> Command {
        Command::new("verger").subcommand(Command::new("serve").args(arguments))
    }

    fn timeout(default: &str) -> Arg {
        let help = format!("How long to wait. Default: {default}");
        Arg::new("wait_ms").long("wait-ms").env("VERGER_WAIT_MS").value_name("MS").help(help)
    }

    fn page(table: &str) -> String {
        format!("# Page\n\nBefore.\n{BEGIN}{table}{END}After.\n")
    }

    #[test]
    fn the_table_stands_between_its_marks_and_the_rest_stays() {
        let written = with_table(&page("\nold\n"), &command([timeout("5")])).unwrap();
        let table = "\n| flag | file key | environment | default | unit or values | what |\n|---|---|---|---|---|---|\n\
                     | `--wait-ms` | `wait_ms` | `VERGER_WAIT_MS` | `5` | milliseconds | How long to wait |\n\n";
        assert_eq!(written, page(table));
        assert_eq!(with_table(&written, &command([timeout("5")])).unwrap(), written, "it is stable");
    }

    #[test]
    fn another_default_another_table() {
        let written = with_table(&page(""), &command([timeout("5")])).unwrap();
        assert_ne!(with_table(&written, &command([timeout("6")])).unwrap(), written);
        let more = Arg::new("data").long("data").env("VERGER_DATA").help("A folder. Default: none");
        assert_ne!(with_table(&written, &command([timeout("5"), more])).unwrap(), written);
    }

    #[test]
    fn a_page_or_a_setting_that_lacks_something_is_refused() {
        let good = || command([timeout("5")]);
        for page in ["", BEGIN, END, &format!("{END}{BEGIN}"), &page("").repeat(2)] {
            assert!(with_table(page, &good()).is_err(), "{page}");
        }
        let bare = Arg::new("wait").long("wait").env("VERGER_WAIT").help("How long to wait");
        let error = with_table(&page(""), &command([bare])).unwrap_err().to_string();
        assert!(error.contains("--wait") && error.contains("Default"), "{error}");
        let hidden = Arg::new("wait").long("wait").help("How long to wait. Default: 1");
        let error = with_table(&page(""), &command([hidden])).unwrap_err().to_string();
        assert!(error.contains("--wait") && error.contains("environment"), "{error}");
        assert!(with_table(&page(""), &Command::new("verger")).is_err());
    }
}
