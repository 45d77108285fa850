//! Verifying the audit trail, and erasing a person from it.

use super::limits::{COMMAND_TIMEOUT, command_env, deadline};
use super::output::out;
use super::stores::{StoreArgs, instance_of, open};
use crate::codes::Keyring;
use crate::trail_keys::hand_over;
use std::io::{IsTerminal as _, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};
use verger_core::Env;
use verger_core::event::{ChangeKind, USER_ERASED};
use verger_store::{AuditVerdict, Instance, NewChange, NewEvent, Store, TrailPart, VerifyProgress};
use verger_wire::{InstanceId, UserId};

/// How often the progress is printed: redrawn on a terminal, elsewhere as another line.
const DRAW_EVERY: Duration = Duration::from_millis(200);
const PRINT_EVERY: Duration = Duration::from_secs(5);

/// A store that has all keys of its trails that are known, and one of its instances.
async fn opened_with_keys(
    keyring: &Keyring,
    instance: &str,
    store: &StoreArgs,
) -> anyhow::Result<(Arc<Store>, Instance)> {
    let store = open(store).await?;
    let instance = instance_of(&store, instance).await?;
    hand_over(&store, keyring, deadline()).await?;
    Ok((store, instance))
}

/// Verifies the trail of an instance and prints what it consists of. A trail that is broken is an error.
pub(super) async fn verify(keyring: &Keyring, instance: &str, store: &StoreArgs) -> anyhow::Result<()> {
    let (store, instance) = opened_with_keys(keyring, instance, store).await?;
    let mut progress = Progress::new();
    let scoped = store.instance(&instance.id);
    let verdict = scoped.verify_audit_log_with(COMMAND_TIMEOUT, |done| progress.note(done)).await;
    progress.end();
    let is_window_over = store.both_versions_until(deadline()).await?.is_none();
    print_verdict(&mut out(), &verdict?, is_window_over)
}

/// Seals the end of a trail anew whose rows are all as they should be.
pub(super) async fn seal(
    keyring: &Keyring,
    instance: &str,
    yes: bool,
    store: &StoreArgs,
) -> anyhow::Result<()> {
    let (store, instance) = opened_with_keys(keyring, instance, store).await?;
    let scoped = store.instance(&instance.id);
    let verdict = scoped.verify_audit_log(COMMAND_TIMEOUT).await?;
    let AuditVerdict::Unsealed { sequence_number, last_number, last_hash } = &verdict else {
        let is_window_over = store.both_versions_until(deadline()).await?.is_none();
        print_verdict(&mut out(), &verdict, is_window_over)?;
        return Ok(writeln!(out(), "nothing to seal")?);
    };
    anyhow::ensure!(
        yes,
        "this would seal rows {sequence_number} to {last_number}, though rows behind them may have been cut off: compare \
         the last hash {last_hash} with one that was kept elsewhere, then repeat it with --yes"
    );
    let is_sealed = scoped.seal_audit_end(*last_number, last_hash, deadline()).await?;
    anyhow::ensure!(is_sealed, "the trail went on meanwhile: repeat it while little is written");
    Ok(writeln!(out(), "rows {sequence_number} to {last_number} sealed")?)
}

/// Refuses keys that do not know the one with which the trail of an instance is sealed: what they append stays unsealed.
async fn ensure_keys_of_trail(store: &Store, instance: &InstanceId) -> anyhow::Result<()> {
    let unknown = store.trails_of_unknown_keys(deadline()).await?;
    match unknown.into_iter().find(|(id, _)| id == instance) {
        None => Ok(()),
        Some((_, key_id)) => anyhow::bail!(
            "the audit trail is sealed with key {key_id}, which is not in code_keys: give all the code_keys of the server"
        ),
    }
}

/// Erases what the changes of a deleted user say of the person.
pub(super) async fn erase(
    keyring: &Keyring,
    user: &UserId,
    instance: &str,
    yes: bool,
    store: &StoreArgs,
) -> anyhow::Result<()> {
    let (store, instance) = opened_with_keys(keyring, instance, store).await?;
    let scoped = store.instance(&instance.id);
    anyhow::ensure!(
        scoped.load_user(user, deadline()).await?.is_none(),
        "{user} is a user of this instance: delete the user first"
    );
    let changes = scoped.erasable_changes_of(user, deadline()).await?;
    anyhow::ensure!(
        changes > 0,
        "no change of {user} names a person: there is nothing to erase (older rows of the trail stay until retention \
         removes them, see docs/webhooks.md)"
    );
    let counted = counted(i64::try_from(changes)?, "change");
    anyhow::ensure!(yes, "this would erase {counted} of {user} for good: repeat it with --yes");
    ensure_keys_of_trail(&store, &instance.id).await?;
    let told = user_erased(user, &mut command_env()?);
    let erased = scoped.erase_changes_of(&told, deadline()).await?;
    writeln!(out(), "{} of {user} erased", self::counted(i64::try_from(erased)?, "change"))?;
    Ok(())
}

/// What the trail tells of it. Nothing about it is personal.
fn user_erased(user: &UserId, env: &mut Env) -> NewChange {
    let mut salt = [0; 16];
    env.rng().fill_bytes(&mut salt);
    NewChange {
        kind: ChangeKind::User.as_str(),
        created_at: env.now,
        user_id: user.clone(),
        // Behind every change of the user, whenever that gets its number.
        user_version: i64::MAX,
        events: vec![NewEvent { kind: USER_ERASED.to_owned(), subject: None }],
        who: r#"{"v":1,"c":"audit erase"}"#.to_owned(),
        personal: String::new(),
        salt,
        sealed: None,
    }
}

/// `1 row`, `2 rows`.
fn counted(count: i64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Prints what a whole trail consists of; refuses one that is broken, or that no key proves though one should.
fn print_verdict(out: &mut impl Write, verdict: &AuditVerdict, is_window_over: bool) -> anyhow::Result<()> {
    let (rows, last_hash, parts, erased, is_sealed) = match verdict {
        AuditVerdict::Whole { rows: 0, .. } => return Ok(writeln!(out, "no rows yet")?),
        AuditVerdict::Whole { rows, last_hash, parts, erased, is_sealed } => {
            (*rows, last_hash, parts, *erased, *is_sealed)
        }
        AuditVerdict::Unsealed { sequence_number, last_number, .. } => anyhow::bail!(
            "rows {sequence_number} to {last_number} of the audit trail are behind its seal: somebody moved its end without the \
             key, or a server or command with other code_keys appended them. If you know of that, `verger audit seal` \
             seals them"
        ),
        AuditVerdict::Broken { sequence_number, why } => {
            anyhow::bail!("the audit trail is broken at row {sequence_number}: {why}")
        }
    };
    anyhow::ensure!(
        is_sealed || !is_window_over,
        "the audit trail has no seal, though servers of this version seal every trail: somebody replaced it"
    );
    writeln!(out, "{} verified", counted(rows, "row"))?;
    print_parts(out, parts)?;
    if erased > 0 {
        let what = counted(erased, "change");
        writeln!(out, "{what} without personal data, because the user was erased")?;
    }
    writeln!(out, "last hash {last_hash}")?;
    if !is_sealed {
        let why = "servers of this version seal the trail once no earlier version serves the store";
        writeln!(out, "no key proves this trail yet: {why} (`verger check` says when)")?;
    }
    Ok(())
}

/// A table of which key made which rows.
fn print_parts(out: &mut impl Write, parts: &[TrailPart]) -> std::io::Result<()> {
    let width = |heading: &str, number: fn(&TrailPart) -> i64| {
        parts.iter().map(|part| number(part).to_string().len()).max().unwrap_or(0).max(heading.len())
    };
    let first = width("FIRST", |part| part.first_number);
    let last = width("LAST", |part| part.last_number);
    let rows = width("ROWS", |part| part.rows);
    writeln!(out, "{:>first$}  {:>last$}  {:>rows$}  KEY", "FIRST", "LAST", "ROWS")?;
    for part in parts {
        let key = part.key_id.as_deref().unwrap_or("none: from before rows had keys");
        writeln!(
            out,
            "{:>first$}  {:>last$}  {:>rows$}  {key}",
            part.first_number, part.last_number, part.rows
        )?;
    }
    Ok(())
}

/// How far a long verification is, on standard error.
struct Progress {
    is_terminal: bool,
    printed: Instant,
    is_drawn: bool,
}

impl Progress {
    fn new() -> Self {
        Self { is_terminal: std::io::stderr().is_terminal(), printed: Instant::now(), is_drawn: false }
    }

    fn note(&mut self, done: VerifyProgress) {
        if self.printed.elapsed() < (if self.is_terminal { DRAW_EVERY } else { PRINT_EVERY }) {
            return;
        }
        self.printed = Instant::now();
        self.is_drawn = true;
        let (before, after) = if self.is_terminal { ("\r", "\x1b[K") } else { ("", "\n") };
        let mut err = std::io::stderr();
        // A failed write of progress is ignored.
        let _ = write!(err, "{before}{} of {} rows verified{after}", done.rows, done.rows_total);
        let _ = err.flush();
    }

    fn end(&self) {
        if self.is_terminal && self.is_drawn {
            let _ = writeln!(std::io::stderr());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(is_sealed: bool) -> AuditVerdict {
        let part = |key_id: Option<&str>, first_number, last_number, rows| TrailPart {
            key_id: key_id.map(str::to_owned),
            first_number,
            last_number,
            rows,
        };
        AuditVerdict::Whole {
            rows: 120_000,
            last_hash: "ab".to_owned(),
            parts: vec![
                part(None, 1, 99_998, 99_998),
                part(Some("0123456789abcdef"), 99_999, 120_000, 20_002),
            ],
            erased: 1,
            is_sealed,
        }
    }

    #[test]
    fn parts_of_a_trail_are_a_table() {
        let mut out = Vec::new();
        print_verdict(&mut out, &whole(true), true).unwrap();
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<_> = text.lines().collect();
        let expected = [
            "120000 rows verified",
            "FIRST    LAST   ROWS  KEY",
            "    1   99998  99998  none: from before rows had keys",
            "99999  120000  20002  0123456789abcdef",
            "1 change without personal data, because the user was erased",
            "last hash ab",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn trail_without_a_seal_is_whole_only_while_earlier_versions_serve_the_store() {
        let mut out = Vec::new();
        print_verdict(&mut out, &whole(false), false).unwrap();
        assert!(String::from_utf8(out).unwrap().contains("no key proves this trail yet"));
        assert!(print_verdict(&mut Vec::new(), &whole(false), true).is_err());
        let broken = AuditVerdict::Broken { sequence_number: 7, why: "the row is missing" };
        let error = print_verdict(&mut Vec::new(), &broken, true).unwrap_err();
        assert_eq!(error.to_string(), "the audit trail is broken at row 7: the row is missing");
    }
}
