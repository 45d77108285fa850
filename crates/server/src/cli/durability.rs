//! The part of `verger check` about damage, and about the durability settings of PostgreSQL.

use super::limits::deadline;
use super::report::Report;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use verger_store::Store;

/// Time limit of the search for damage.
const LOOK_MAX: Duration = Duration::from_secs(30);
/// The settings of PostgreSQL that decide what survives a crash or a failover.
const SETTINGS: [&str; 6] = [
    "fsync",
    "full_page_writes",
    "synchronous_commit",
    "synchronous_standby_names",
    "data_checksums",
    "default_transaction_read_only",
];

/// The verdict on a setting.
#[derive(Debug, PartialEq, Eq)]
enum Judgement {
    Ok(String),
    Warn(String),
    Bad(String),
}

/// Reports damage in the embedded store.
pub(super) async fn damage(report: &mut Report, store: &Store) -> anyhow::Result<()> {
    const WHAT_TO_DO: &str =
        "stop the server, keep a copy of the files, and restore a backup with `verger restore`";
    match store.look_through(Instant::now() + LOOK_MAX).await {
        Ok(None) => Ok(()),
        Ok(Some(found)) if !found.damage.is_empty() => {
            report.bad("damage", &format!("{}; {WHAT_TO_DO}", found.damage.join("; ")))
        }
        Ok(Some(found)) if found.looked_at < found.tables => report.warn(
            "damage",
            &format!(
                "none in the {} of {} tables that could be read in {} seconds",
                found.looked_at,
                found.tables,
                LOOK_MAX.as_secs()
            ),
        ),
        Ok(Some(found)) => report.ok("damage", &format!("none in {} tables", found.tables)),
        Err(error) => report.bad("damage", &format!("{error}; {WHAT_TO_DO}")),
    }
}

/// Reports the durability settings of PostgreSQL.
pub(super) async fn settings(report: &mut Report, store: &Store) -> anyhow::Result<()> {
    let settings = match store.settings(&SETTINGS, deadline()).await {
        Ok(settings) if settings.is_empty() => return Ok(()),
        Ok(settings) => settings.into_iter().collect(),
        Err(error) => return report.bad("durability", &format!("the settings cannot be read: {error}")),
    };
    for judgement in judge(&settings) {
        match judgement {
            Judgement::Ok(text) => report.ok("durability", &text)?,
            Judgement::Warn(text) => report.warn("durability", &text)?,
            Judgement::Bad(text) => report.bad("durability", &text)?,
        }
    }
    Ok(())
}

fn judge(settings: &BTreeMap<String, String>) -> Vec<Judgement> {
    let value = |name: &str| settings.get(name).map_or("", String::as_str);
    let mut judgements = Vec::new();
    if value("fsync") == "off" {
        judgements.push(Judgement::Bad(
            "fsync = off: a power cut can destroy the whole database; set it to on".to_owned(),
        ));
    }
    if value("full_page_writes") == "off" {
        judgements.push(Judgement::Warn(
            "full_page_writes = off: a power cut can leave half-written pages, unless the file system writes whole ones"
                .to_owned(),
        ));
    }
    if value("data_checksums") == "off" {
        judgements.push(Judgement::Warn(
            "data_checksums = off: PostgreSQL does not notice pages that the disk corrupted".to_owned(),
        ));
    }
    if value("default_transaction_read_only") == "on" {
        judgements.push(Judgement::Bad(
            "default_transaction_read_only = on: the database accepts no writes".to_owned(),
        ));
    }
    let commit = value("synchronous_commit");
    let raised = match commit {
        "on" | "remote_apply" => String::new(),
        weaker => format!("; Verger commits with on, not with the configured {weaker}"),
    };
    judgements.push(match value("synchronous_standby_names") {
        "" => Judgement::Ok(format!(
            "a commit waits for this server's disk and for no standby (synchronous_standby_names is empty): after a failover \
             the last acknowledged changes can be missing{raised}"
        )),
        names => Judgement::Ok(format!(
            "a commit waits for this server's disk and for standbys (synchronous_standby_names = {names}){raised}"
        )),
    });
    judgements
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(different: &[(&str, &str)]) -> Vec<Judgement> {
        let safe = [
            ("fsync", "on"),
            ("full_page_writes", "on"),
            ("synchronous_commit", "on"),
            ("synchronous_standby_names", ""),
            ("data_checksums", "on"),
            ("default_transaction_read_only", "off"),
        ];
        judge(
            &safe
                .iter()
                .chain(different)
                .map(|(name, value)| (String::from(*name), (*value).to_owned()))
                .collect(),
        )
    }

    #[test]
    fn each_setting_that_loses_something_is_named_with_what_it_loses() {
        let [Judgement::Ok(safe)] = &judged(&[])[..] else { panic!("one fact is enough for what is safe") };
        assert!(safe.contains("failover"), "{safe}");
        let [Judgement::Ok(waits)] = &judged(&[("synchronous_standby_names", "*")])[..] else { panic!() };
        assert!(waits.contains("standbys"), "{waits}");
        for weaker in ["off", "local", "remote_write"] {
            let [Judgement::Ok(raised)] = &judged(&[("synchronous_commit", weaker)])[..] else { panic!() };
            assert!(raised.contains(&format!("not with the configured {weaker}")), "{raised}");
        }
        assert!(matches!(&judged(&[("fsync", "off")])[0], Judgement::Bad(why) if why.contains("destroy")));
        let read_only = judged(&[("default_transaction_read_only", "on")]);
        assert!(matches!(&read_only[0], Judgement::Bad(why) if why.contains("accepts no writes")));
        for (name, value) in [("full_page_writes", "off"), ("data_checksums", "off")] {
            assert!(matches!(&judged(&[(name, value)])[0], Judgement::Warn(why) if why.starts_with(name)));
        }
    }
}
