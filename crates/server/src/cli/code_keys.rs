//! `verger code-keys`.

use super::limits::deadline;
use super::output::{Format, out};
use super::settings::ServeArgs;
use super::stores::{existing_store, require_schema};
use crate::clock::{Clock, SystemClock};
use crate::codes::Keyring;
use crate::serve::for_people;
use anyhow::Context as _;
use clap::Subcommand;
use serde_json::json;
use std::io::Write as _;
use verger_store::{KeyUse, SealedIn, TRAIL_KEYS};

#[derive(Subcommand)]
pub(super) enum CodeKeysCommand {
    /// Print what still needs each key, until when, and whether the key can be left out of code_keys. Pass the settings of the
    /// server
    Status {
        /// Output format: a table, or one line of JSON for programs
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
        #[command(flatten)]
        server: ServeArgs,
    },
}

/// The role of a key for a server with these `code_keys`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// The first of `code_keys`, which digests and seals.
    Newest,
    /// A later one of `code_keys`, which only verifies and opens.
    Former,
    /// Needed, but not in `code_keys`.
    Missing,
}

/// A key and what needs it.
#[derive(Debug, PartialEq, Eq)]
struct Status {
    key_id: String,
    role: Role,
    uses: Vec<KeyUse>,
}

impl Role {
    fn as_str(self) -> &'static str {
        match self {
            Self::Newest => "newest",
            Self::Former => "former",
            Self::Missing => "missing",
        }
    }
}

impl Status {
    fn can_be_left_out(&self) -> bool {
        self.role == Role::Former && self.uses.is_empty()
    }

    fn verdict(&self) -> String {
        let key_id = &self.key_id;
        match self.role {
            Role::Newest => format!("{key_id} digests and seals: keep it"),
            Role::Former if self.uses.is_empty() => {
                format!("{key_id} can be left out of code_keys: nothing needs it any more")
            }
            Role::Former => format!("{key_id} is still needed"),
            Role::Missing => {
                format!("{key_id} is needed but not in code_keys: add it again after the newest")
            }
        }
    }
}

pub(super) async fn code_keys(command: CodeKeysCommand) -> anyhow::Result<()> {
    let CodeKeysCommand::Status { format, server } = command;
    let config = server.settings.over_file(server.config.as_deref())?;
    let data = config.data();
    let store = existing_store(config.store(), &data).await?;
    // `verger dev` keeps its keys in the data directory.
    let of_dev = || std::fs::read_to_string(data.join("code-keys")).ok();
    let keys = config.code_keys().map(str::to_owned).or_else(of_dev);
    let keyring = Keyring::parse(keys.as_deref().unwrap_or_default())?;
    require_schema(&store).await?;
    let now = SystemClock.now();
    let mut uses = store.key_uses(now, deadline()).await?;
    // What is bound with a key must be verifiable without it.
    let stored = store.stored_trail_keys(deadline()).await?;
    let former = keyring.ids().skip(1);
    let unkept = former.filter(|id| stored.iter().all(|stored| stored.key_id != *id));
    uses.extend(unkept.map(|id| KeyUse {
        key_id: id.to_owned(),
        what: TRAIL_KEYS,
        count: 1,
        oldest_at: now,
        ends_at: None,
    }));
    let statuses = statuses(keyring.ids(), uses);
    let mut out = out();
    match format {
        Format::Json => writeln!(out, "{}", as_json(&statuses)).context("the status could not be printed"),
        Format::Text => print(&mut out, &statuses).context("the status could not be printed"),
    }
}

/// The keys in their order, then those that are missing.
fn statuses<'a>(ids: impl Iterator<Item = &'a str>, mut uses: Vec<KeyUse>) -> Vec<Status> {
    let mut statuses: Vec<Status> = Vec::new();
    for (at, key_id) in ids.enumerate() {
        let role = if at == 0 { Role::Newest } else { Role::Former };
        let uses = uses.extract_if(.., |used| used.key_id == key_id).collect();
        // A key that is given twice has the role of its first place.
        if statuses.iter().all(|status| status.key_id != key_id) {
            statuses.push(Status { key_id: key_id.to_owned(), role, uses });
        }
    }
    for used in uses {
        match statuses.iter_mut().find(|status| status.key_id == used.key_id) {
            Some(status) => status.uses.push(used),
            None => {
                let key_id = used.key_id.clone();
                statuses.push(Status { key_id, role: Role::Missing, uses: vec![used] });
            }
        }
    }
    statuses
}

/// Whether what is sealed is of use until somebody changes it.
fn lasts(what: &str) -> bool {
    ![SealedIn::Messages, SealedIn::Events].into_iter().any(|place| place.what() == what)
}

/// When a use of a key ends.
fn end_of(role: Role, used: &KeyUse) -> String {
    match (used.ends_at, role) {
        (Some(ends_at), _) => format!("by {}", for_people(ends_at)),
        (None, Role::Newest) => "-".to_owned(),
        (None, Role::Former) => "sealed again by a running server within a minute".to_owned(),
        (None, Role::Missing) if lasts(used.what) => "not by itself".to_owned(),
        (None, Role::Missing) => "when its code has expired".to_owned(),
    }
}

fn print(out: &mut impl std::io::Write, statuses: &[Status]) -> std::io::Result<()> {
    writeln!(out, "{:<16}  {:<7}  {:>9}  {:<16}  {:<20}  ENDS", "KEY", "ROLE", "COUNT", "WHAT", "OLDEST")?;
    for status in statuses {
        let (key_id, role) = (&status.key_id, status.role.as_str());
        if status.uses.is_empty() {
            writeln!(out, "{key_id:<16}  {role:<7}  {:>9}  {:<16}  {:<20}  -", 0, "-", "-")?;
        }
        for used in &status.uses {
            let oldest = for_people(used.oldest_at);
            let ends = end_of(status.role, used);
            writeln!(
                out,
                "{key_id:<16}  {role:<7}  {:>9}  {:<16}  {oldest:<20}  {ends}",
                used.count, used.what
            )?;
        }
    }
    writeln!(out)?;
    for status in statuses {
        writeln!(out, "{}", status.verdict())?;
    }
    Ok(())
}

fn as_json(statuses: &[Status]) -> serde_json::Value {
    let keys: Vec<_> = statuses
        .iter()
        .map(|status| {
            let uses: Vec<_> = status
                .uses
                .iter()
                .map(|used| {
                    json!({
                        "what": used.what,
                        "count": used.count,
                        "oldest_at": used.oldest_at.0,
                        "ends_at": used.ends_at.map(|at| at.0),
                        "is_resealed": used.ends_at.is_none() && status.role == Role::Former,
                    })
                })
                .collect();
            json!({
                "key_id": status.key_id,
                "role": status.role.as_str(),
                "can_be_left_out": status.can_be_left_out(),
                "uses": uses,
            })
        })
        .collect();
    json!({ "keys": keys })
}

#[cfg(test)]
mod tests {
    use super::*;
    use verger_wire::UnixMillis;

    fn used(key_id: &str, what: &'static str, ends_at: Option<i64>) -> KeyUse {
        KeyUse {
            key_id: key_id.to_owned(),
            what,
            count: 2,
            oldest_at: UnixMillis(0),
            ends_at: ends_at.map(UnixMillis),
        }
    }

    #[test]
    fn former_key_can_be_left_out_once_nothing_needs_it() {
        let of = |uses| statuses(["new", "old", "oldest"].into_iter(), uses);
        let uses = vec![
            used("gone", "passwords", None),
            used("new", "codes", Some(1)),
            used("old", "codes", Some(60_000)),
            used("old", "messages", None),
        ];
        let statuses = of(uses);
        let seen: Vec<_> = statuses
            .iter()
            .map(|status| (status.key_id.as_str(), status.role, status.can_be_left_out(), status.uses.len()))
            .collect();
        assert_eq!(
            seen,
            [
                ("new", Role::Newest, false, 1),
                ("old", Role::Former, false, 2),
                ("oldest", Role::Former, true, 0),
                ("gone", Role::Missing, false, 1),
            ]
        );
        let mut text = Vec::new();
        print(&mut text, &statuses).unwrap();
        let text = String::from_utf8(text).unwrap();
        for part in [
            "by 1970-01-01T00:01:00Z",
            "sealed again by a running server",
            "not by itself",
            "oldest can be left out",
            "old is still needed",
            "gone is needed but not in code_keys",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn key_that_is_given_twice_is_what_it_is_first() {
        let statuses = statuses(["new", "new"].into_iter(), vec![used("new", "codes", Some(1))]);
        assert_eq!(statuses.len(), 1);
        assert_eq!((statuses[0].role, statuses[0].uses.len()), (Role::Newest, 1));
    }
}
