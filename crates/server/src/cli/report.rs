//! The report of `verger check`: facts, and the verdict on each.

use super::output::{Format, Out, out};
use serde_json::json;
use std::io::Write as _;

/// Width of the longest name of a fact, so that columns are aligned.
const NAME_WIDTH: usize = 11;

/// The verdict on a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    Ok,
    /// It works, but perhaps not as intended.
    Warn,
    Bad,
}

impl Mark {
    fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Bad => "BAD",
        }
    }
}

/// The report: one line per fact, printed as soon as it is known.
pub(super) struct Report {
    out: Out,
    format: Format,
    facts: Vec<serde_json::Value>,
    problems: usize,
}

impl Report {
    pub(super) fn new(format: Format) -> Self {
        Self { out: out(), format, facts: Vec::new(), problems: 0 }
    }

    pub(super) fn ok(&mut self, name: &str, text: &str) -> anyhow::Result<()> {
        self.fact(Mark::Ok, name, text)
    }

    pub(super) fn warn(&mut self, name: &str, text: &str) -> anyhow::Result<()> {
        self.fact(Mark::Warn, name, text)
    }

    pub(super) fn bad(&mut self, name: &str, text: &str) -> anyhow::Result<()> {
        self.fact(Mark::Bad, name, text)
    }

    /// Reports `Ok` as good and `Err` as bad.
    pub(super) fn line(&mut self, name: &str, result: Result<String, String>) -> anyhow::Result<()> {
        match result {
            Ok(text) => self.ok(name, &text),
            Err(text) => self.bad(name, &text),
        }
    }

    fn fact(&mut self, mark: Mark, name: &str, text: &str) -> anyhow::Result<()> {
        // One line per fact, even if a cause contains line breaks.
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        self.problems += usize::from(mark == Mark::Bad);
        match self.format {
            Format::Text => writeln!(self.out, "{:<4} {name:<NAME_WIDTH$} {text}", mark.as_str())?,
            Format::Json => {
                let status = mark.as_str().to_lowercase();
                self.facts.push(json!({ "name": name, "status": status, "text": text }));
            }
        }
        Ok(())
    }

    /// Prints the end of the report; an error if anything is bad.
    pub(super) fn finish(mut self, is_whole: bool) -> anyhow::Result<()> {
        if self.format == Format::Json {
            let report = json!({ "object": "check", "problems": self.problems, "facts": self.facts });
            writeln!(self.out, "{report}")?;
        }
        let count = match self.problems {
            0 => return Ok(()),
            1 => "1 problem".to_owned(),
            many => format!("{many} problems"),
        };
        let rest = if is_whole { "" } else { "; what depends on the config file was not checked" };
        anyhow::bail!("{count}{rest}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_one_line_each_and_problems_are_counted() {
        let mut report = Report::new(Format::Json);
        report.ok("clock", "now").unwrap();
        report.warn("sms", "none").unwrap();
        report.bad("store", "first\n  second").unwrap();
        assert_eq!(report.facts[2]["text"], "first second");
        assert_eq!(report.facts[1]["status"], "warn");
        assert_eq!(report.finish(true).unwrap_err().to_string(), "1 problem");
        let mut report = Report::new(Format::Json);
        report.bad("config", "a").unwrap();
        report.bad("store", "b").unwrap();
        let why = report.finish(false).unwrap_err().to_string();
        assert_eq!(why, "2 problems; what depends on the config file was not checked");
    }
}
