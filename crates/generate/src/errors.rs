//! What follows from the reasons of the server: the table in `docs/errors.md`, and the codes that the SDKs know.

use anyhow::{Context as _, Result, bail};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use verger_wire::Reason;
use verger_wire::reason::NOT_REFUSED;

const BEGIN: &str = "<!-- errors: written by `cargo xtask generate` from the reasons of the server (crates/core/src/reasons.rs and \
     crates/server/src/*_reasons.rs); do not edit -->\n";
const END: &str = "<!-- end of errors -->\n";

/// What the reasons of one status and code say together.
#[derive(Default)]
struct Said {
    /// Each once.
    when: Vec<&'static str>,
    /// What to do, each once, with when to do it.
    help: Vec<(&'static str, Vec<&'static str>)>,
}

impl Said {
    fn add(&mut self, reason: &'static Reason) {
        if self.when.contains(&reason.when) {
            return;
        }
        self.when.push(reason.when);
        match self.help.iter_mut().find(|(help, _)| *help == reason.help) {
            Some((_, when)) => when.push(reason.when),
            None => self.help.push((reason.help, vec![reason.when])),
        }
    }

    /// The last two cells of the row. Where there are several things to do, numbers tell which belongs to what.
    fn cells(&self) -> (String, String) {
        match self.help.as_slice() {
            [(help, when)] => (when.join(" "), (*help).to_owned()),
            several => {
                let numbered = |texts: Vec<String>| {
                    let numbered = texts.iter().enumerate().map(|(at, text)| format!("({}) {text}", at + 1));
                    numbered.collect::<Vec<_>>().join("<br>")
                };
                let when = several.iter().map(|(_, when)| when.join(" ")).collect();
                (numbered(when), numbered(several.iter().map(|(help, _)| (*help).to_owned()).collect()))
            }
        }
    }
}

/// The page with the table of these reasons.
///
/// # Errors
/// The page has not the two marks.
pub(crate) fn with_table(page: &str, reasons: impl IntoIterator<Item = &'static Reason>) -> Result<String> {
    let marks = "docs/errors.md must have the marks of the table of errors, one of each";
    let (before, rest) = page.split_once(BEGIN).context(marks)?;
    let (_, after) = rest.split_once(END).context(marks)?;
    if after.contains(BEGIN) || after.contains(END) {
        bail!(marks);
    }
    let mut text = "| status | code | when | what to do |\n|---|---|---|---|\n".to_owned();
    for ((status, code), said) in by_code(reasons) {
        let (when, help) = said.cells();
        let row = format!("{when} | {help}");
        if row.matches('|').count() != 1 {
            bail!("what is said of {code} has a `|`, which would end a cell of the table");
        }
        writeln!(text, "| {status} | `{code}` | {row} |")?;
    }
    Ok(format!("{before}{BEGIN}\n{text}\n{END}{after}"))
}

/// The enumeration of codes for the Rust SDK.
pub(crate) fn rust_codes(reasons: impl IntoIterator<Item = &'static Reason>) -> Result<String> {
    let mut text = "//! The codes of errors. Written by `cargo xtask generate` from the reasons of the server; do not edit.\n\n\
                    use crate::model::tolerant::open_enum;\n\n\
                    open_enum! {\n    \
                    /// What went wrong, as a Verger server says it. docs/errors.md says what to do about each.\n    \
                    ///\n    \
                    /// ```\n    \
                    /// # use verger_client::ErrorCode;\n    \
                    /// assert_eq!(ErrorCode::from(\"form_identifier_exists\"), ErrorCode::FormIdentifierExists);\n    \
                    /// // Other services have more.\n    \
                    /// assert_eq!(ErrorCode::from(\"organization_not_found\").as_str(), \"organization_not_found\");\n    \
                    /// ```\n    \
                    ErrorCode {\n"
        .to_owned();
    for (code, when) in sentences(reasons) {
        for sentence in when {
            writeln!(text, "        /// {sentence}")?;
        }
        writeln!(text, "        {} = \"{code}\",", upper_camel(code))?;
    }
    text.push_str("    }\n}\n");
    Ok(text)
}

/// The type of codes for the Node package.
pub(crate) fn node_codes(reasons: impl IntoIterator<Item = &'static Reason>) -> Result<String> {
    let mut text =
        "// Written by `cargo xtask generate` from the reasons of the server; do not edit.\n\n\
                    /** The codes with which a Verger server refuses: docs/errors.md says what to do about each. */\n\
                    export type VergerErrorCode =\n"
            .to_owned();
    let codes: Vec<_> = sentences(reasons).into_keys().map(|code| format!("  | '{code}'")).collect();
    writeln!(text, "{};\n", codes.join("\n"))?;
    text.push_str(
        "/** A code; services have others, and so do later versions, so that any text can be one. */\n\
         export type ErrorCode = VergerErrorCode | (string & {});\n",
    );
    Ok(text)
}

/// When each code is given, in the order of the codes.
fn sentences(
    reasons: impl IntoIterator<Item = &'static Reason>,
) -> BTreeMap<&'static str, Vec<&'static str>> {
    let mut codes: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for ((_, code), said) in by_code(reasons) {
        codes.entry(code).or_default().extend(said.when);
    }
    codes
}

/// Reasons of the Backend API by status and code. Several can share both; what all of them say is said once.
fn by_code(reasons: impl IntoIterator<Item = &'static Reason>) -> BTreeMap<(u16, &'static str), Said> {
    let mut codes: BTreeMap<_, Said> = BTreeMap::new();
    for reason in reasons {
        if reason.status == NOT_REFUSED {
            continue;
        }
        codes.entry((reason.status, reason.code)).or_default().add(reason);
    }
    codes
}

/// `form_param_nil` becomes `FormParamNil`.
fn upper_camel(code: &str) -> String {
    code.split('_')
        .flat_map(|word| {
            let mut characters = word.chars();
            let first = characters.next().map(|first| first.to_ascii_uppercase());
            first.into_iter().chain(characters)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[allow(unreachable_pub, reason = "the macro declares public rows")]
    mod rows {
        verger_wire::reasons! {
            NULL "Null" 422 "form_param_nil" {
                message: "{param} is null",
                long_message: "{param} is null.",
                when: "A field that must have a value is null.",
                help: "Send a value for it.",
            }
            TAKEN "Taken" 400 "taken" {
                message: "Taken",
                long_message: "Taken.",
                when: "Somebody has it already.",
                help: "Take another one.",
            }
            TAKEN_TWICE "TakenTwice" 400 "taken" {
                message: "Taken",
                long_message: "Taken.",
                when: "Two others have it already.",
                help: "Take another one.",
            }
            TAKEN_FOR_GOOD "TakenForGood" 400 "taken" {
                message: "Taken",
                long_message: "Taken.",
                when: "It is taken for good.",
                help: "Choose a new name.",
            }
            WRONG "Wrong" 200 "form_code_incorrect" {
                message: "Wrong",
                long_message: "Wrong.",
                when: "A wrong code was tried.",
                help: "Enter the right one.",
                frontend: 422 "form_code_incorrect",
            }
            CELL "Cell" 400 "cell" {
                message: "Cell",
                long_message: "Cell.",
                when: "A text with a | in it.",
                help: "Leave the | out of it.",
            }
        }
    }

    const ROWS: [&Reason; 4] = [&rows::NULL, &rows::TAKEN, &rows::TAKEN_TWICE, &rows::WRONG];

    fn page(table: &str) -> String {
        format!("# Page\n\nBefore.\n{BEGIN}{table}{END}After.\n")
    }

    #[test]
    fn the_table_has_a_row_for_each_code_that_the_backend_api_refuses_with() {
        let written = with_table(&page("\nold\n"), ROWS).unwrap();
        let table = "\n| status | code | when | what to do |\n|---|---|---|---|\n\
                     | 400 | `taken` | Somebody has it already. Two others have it already. | Take another one. |\n\
                     | 422 | `form_param_nil` | A field that must have a value is null. | Send a value for it. |\n\n";
        assert_eq!(written, page(table));
        assert_eq!(with_table(&written, ROWS).unwrap(), written, "it is stable");
    }

    #[test]
    fn numbers_tell_what_to_do_about_which_of_several_reasons() {
        let reasons = [&rows::TAKEN, &rows::TAKEN_TWICE, &rows::TAKEN_FOR_GOOD];
        let written = with_table(&page(""), reasons).unwrap();
        let row = "| 400 | `taken` | (1) Somebody has it already. Two others have it already.<br>(2) It is taken for good. | \
                   (1) Take another one.<br>(2) Choose a new name. |\n";
        assert!(written.contains(row), "{written}");
    }

    #[test]
    fn a_page_without_its_marks_and_a_text_that_ends_a_cell_are_refused() {
        for page in ["", BEGIN, END, &format!("{END}{BEGIN}"), &page("").repeat(2)] {
            assert!(with_table(page, ROWS).is_err(), "{page}");
        }
        assert!(with_table(&page(""), [&rows::CELL]).is_err());
    }

    #[test]
    fn the_sdks_know_each_code_once() {
        let rust = rust_codes(ROWS).unwrap();
        let taken = "        /// Somebody has it already.\n        /// Two others have it already.\n        Taken = \"taken\",\n";
        assert!(rust.contains(taken) && rust.contains("FormParamNil = \"form_param_nil\","), "{rust}");
        assert!(!rust.contains("form_code_incorrect"), "{rust}");
        let node = node_codes(ROWS).unwrap();
        assert!(
            node.contains("export type VergerErrorCode =\n  | 'form_param_nil'\n  | 'taken';\n"),
            "{node}"
        );
    }
}
