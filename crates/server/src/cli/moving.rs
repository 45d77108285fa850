//! `verger copy`, `verger backup` and `verger restore`.

use super::limits::deadline;
use super::output::out;
use super::stores::{StoreArgs, embedded_file, make_folder, require_file};
use crate::clock::{Clock, SystemClock};
use crate::config::require_store_url;
use anyhow::Context as _;
use clap::Args;
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use verger_store::{CopyProgress, CopyStage, MigrationState, Store};

/// How often the progress bar is drawn.
const DRAW_EVERY: Duration = Duration::from_millis(100);
const BAR_CELLS: u64 = 30;

#[derive(Args)]
pub(super) struct CopyArgs {
    /// Source: sqlite:FILE or postgres://USER:PASSWORD@HOST:PORT/DATABASE. Nothing may write to it during the copy
    #[arg(long, env = "VERGER_COPY_FROM", value_name = "URL", hide_env_values = true)]
    from: String,
    /// Target: an empty database, or the target of the same unfinished copy. Set it in the environment to keep the password
    /// out of the process list
    #[arg(long, env = "VERGER_COPY_TO", value_name = "URL", hide_env_values = true)]
    to: String,
}

#[derive(Args)]
pub(super) struct BackupArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// File to write, which must not exist yet
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
}

#[derive(Args)]
pub(super) struct RestoreArgs {
    /// File that `verger backup` wrote
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    /// Replace the existing store, which is lost
    #[arg(long)]
    overwrite: bool,
    #[command(flatten)]
    store: StoreArgs,
}

pub(super) async fn copy(args: CopyArgs) -> anyhow::Result<()> {
    require_store_url("--from (VERGER_COPY_FROM)", &args.from)?;
    require_store_url("--to (VERGER_COPY_TO)", &args.to)?;
    if let Some(file) = embedded_file(Some(&args.from), Path::new("")) {
        require_file(&file, "").context("--from")?;
    }
    let source = Store::open_url(&args.from, deadline()).await.context("--from")?;
    if let Some(folder) = embedded_file(Some(&args.to), Path::new("")).as_deref().and_then(Path::parent)
        && !folder.as_os_str().is_empty()
    {
        make_folder(folder).with_context(|| format!("--to: directory {}", folder.display()))?;
    }
    let target = Store::open_url(&args.to, deadline()).await.context("--to")?;
    let mut bar = Bar::new();
    let copied =
        verger_store::copy(&source, &target, SystemClock.now(), |progress| bar.draw(&progress)).await;
    bar.end();
    let copied = copied.context("not copied")?;
    let mut out = out();
    let seconds = bar.started.elapsed().as_secs_f64();
    let rows: u64 = copied.tables.iter().map(|table| table.rows).sum();
    if copied.rows_resumed > 0 {
        writeln!(out, "resumed after {} rows of an earlier attempt", copied.rows_resumed)?;
    }
    writeln!(out, "{:<22} {:>12}  SHA-256 of the rows, the same in both", "TABLE", "ROWS")?;
    for table in &copied.tables {
        writeln!(out, "{:<22} {:>12}  {}", table.name, table.rows, table.hash)?;
    }
    writeln!(out, "{:<22} {rows:>12}  {}", "all", copied.hash)?;
    writeln!(out, "copied and compared in {seconds:.1} s; {} is ready", target.location())?;
    tokio::task::spawn_blocking(move || {
        source.close();
        target.close();
    })
    .await
    .context("a store did not close")
}

pub(super) async fn backup(args: BackupArgs) -> anyhow::Result<()> {
    let file = embedded(&args.store)?;
    let to = args.to.clone();
    let bytes = tokio::task::spawn_blocking(move || verger_store::backup(&file, &to))
        .await
        .context("the backup was interrupted")??;
    writeln!(out(), "{bytes} bytes in {}, verified", args.to.display())?;
    Ok(())
}

pub(super) async fn restore(args: RestoreArgs) -> anyhow::Result<()> {
    let file = embedded(&args.store)?;
    // Before a directory is created for it.
    require_backup(&args.from)?;
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        make_folder(folder).with_context(|| format!("data directory {}", folder.display()))?;
    }
    let place = file.clone();
    let restored =
        tokio::task::spawn_blocking(move || verger_store::restore(&args.from, &place, args.overwrite));
    let state = match restored.await.context("the restore was interrupted")? {
        Err(error @ verger_store::BackupError::Exists(_)) => {
            anyhow::bail!("{error}: --overwrite replaces it, and its contents are lost")
        }
        other => other?,
    };
    let mut out = out();
    writeln!(out, "{} is restored and verified", file.display())?;
    if let MigrationState::Behind { version } = state {
        writeln!(
            out,
            "it has schema version {version}: run `verger migrate` with the same --data or --store"
        )?;
    }
    Ok(())
}

fn require_backup(from: &Path) -> anyhow::Result<()> {
    std::fs::File::open(from).with_context(|| format!("--from {} cannot be read", from.display()))?;
    Ok(())
}

fn embedded(args: &StoreArgs) -> anyhow::Result<PathBuf> {
    embedded_file(args.url(), args.data()).context(
        "this is only for the embedded store: PostgreSQL has pg_dump, pg_basebackup and `verger copy`",
    )
}

/// A progress bar on a terminal; elsewhere a line per table.
struct Bar {
    is_terminal: bool,
    started: Instant,
    drawn: Option<Instant>,
    table: String,
    stage: Option<CopyStage>,
}

impl Bar {
    fn new() -> Self {
        Self {
            is_terminal: std::io::stderr().is_terminal(),
            started: Instant::now(),
            drawn: None,
            table: String::new(),
            stage: None,
        }
    }

    fn draw(&mut self, progress: &CopyProgress<'_>) {
        let CopyProgress { stage, table, rows, rows_total } = *progress;
        let is_new = self.stage != Some(stage) || self.table != table;
        self.stage = Some(stage);
        if is_new {
            table.clone_into(&mut self.table);
        }
        let (word, done) = match stage {
            CopyStage::Copying => ("copying", "copied"),
            CopyStage::Comparing => ("comparing", "compared"),
        };
        let mut err = std::io::stderr();
        // A failed write of progress is ignored.
        if !self.is_terminal {
            if is_new {
                let _ = writeln!(err, "{word} {table}: {rows} of {rows_total} rows {done}");
            }
            return;
        }
        let is_end = rows >= rows_total;
        if !is_new && !is_end && self.drawn.is_some_and(|drawn| drawn.elapsed() < DRAW_EVERY) {
            return;
        }
        self.drawn = Some(Instant::now());
        let _ = write!(err, "\r{}\x1b[K", line(word, table, rows, rows_total));
        let _ = err.flush();
    }

    fn end(&self) {
        if self.is_terminal && self.drawn.is_some() {
            let _ = writeln!(std::io::stderr());
        }
    }
}

fn line(word: &str, table: &str, rows: u64, rows_total: u64) -> String {
    // An empty store is complete at once.
    let share = |of: u64| (rows * of).checked_div(rows_total).map_or(of, |done| done.min(of));
    let (filled, percent) = (share(BAR_CELLS), share(100));
    let cells: String = (0..BAR_CELLS).map(|cell| if cell < filled { '#' } else { '.' }).collect();
    format!("{word:<9} [{cells}] {percent:>3} % {rows} of {rows_total} rows, {table}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bar_is_as_long_when_it_is_empty_and_when_it_is_full() {
        for (rows, rows_total, percent, filled) in
            [(0, 0, 100, 30), (0, 9, 0, 0), (5, 10, 50, 15), (10, 10, 100, 30), (11, 10, 100, 30)]
        {
            let line = line("copying", "users", rows, rows_total);
            assert!(line.contains(&format!("{percent:>3} %")), "{line}");
            assert_eq!(line.matches('#').count(), filled, "{line}");
            assert_eq!(line.matches(['#', '.']).count(), 30, "{line}");
        }
    }
}
