//! Jobs that run in parallel: as many at a time as there are cores, each with its output in a separate file.

#![allow(clippy::print_stdout, reason = "this is a program for the terminal")]
#![allow(clippy::disallowed_methods, reason = "times other programs by the clock of the machine")]

use crate::counts::Counts;
use crate::programs::{create, logged, tail};
use anyhow::{Context as _, Result, bail};
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Time limit of a job.
const TIMEOUT: Duration = Duration::from_secs(600);

type Work<'a> = Box<dyn FnOnce() -> Result<String> + Send + 'a>;

/// A unit of work, which returns a short summary of its result.
pub(crate) struct Job<'a> {
    name: String,
    work: Work<'a>,
}

impl<'a> Job<'a> {
    /// A job that calls `work`, which returns its summary.
    pub(crate) fn new(name: impl Into<String>, work: impl FnOnce() -> Result<String> + Send + 'a) -> Self {
        Self { name: name.into(), work: Box::new(work) }
    }

    /// A job for an executable of Rust's test harness; it must run at least one test unless `may_be_empty`.
    pub(crate) fn tests(
        name: impl Into<String>,
        command: Command,
        logs: &'a Path,
        may_be_empty: bool,
    ) -> Self {
        let name = name.into();
        let log = logs.join(format!("{}.log", name.replace([' ', '/'], "-")));
        Self::new(name, move || {
            create(&log)?;
            let status = logged(command, &log, TIMEOUT)?;
            let printed = std::fs::read_to_string(&log).unwrap_or_default();
            let mut counts = Counts::default();
            for line in printed.lines().filter(|line| line.starts_with("test result: ")) {
                counts.add_pairs(line);
            }
            match status {
                None => bail!("it did not end within {TIMEOUT:?}\n{}", tail(&log)),
                Some(status) if !status.success() => bail!("{}\nit ended with {status}", failures(&printed)),
                Some(_) if counts.passed == 0 && !may_be_empty => bail!("it ran no test\n{}", tail(&log)),
                Some(_) => Ok(format!("{} passed", counts.passed)),
            }
        })
    }
}

/// The relevant part of the output of a failed test run.
fn failures(printed: &str) -> String {
    let lines = printed.lines().filter(|line| !line.ends_with("... ok"));
    lines.collect::<Vec<_>>().join("\n")
}

/// Runs all jobs, started in this order, even if some fail.
///
/// # Errors
/// Names the jobs that failed; their output is printed before.
pub(crate) fn run(jobs: Vec<Job<'_>>) -> Result<()> {
    let lanes = std::thread::available_parallelism().context("how many cores are there")?.get();
    let (count, started) = (jobs.len(), Instant::now());
    let queue = Mutex::new(jobs.into_iter());
    let failed = Mutex::new(Vec::new());
    let done = Mutex::new(0_usize);
    std::thread::scope(|scope| {
        for _ in 0..lanes {
            scope.spawn(|| {
                loop {
                    let next = lock(&queue).next();
                    let Some(job) = next else { return };
                    let began = Instant::now();
                    let result = (job.work)();
                    let mut done = lock(&done);
                    *done += 1;
                    let (word, said) = match &result {
                        Ok(said) => ("ok", said.clone()),
                        Err(_) => ("FAILED", String::new()),
                    };
                    println!(
                        "{:>4} s  {:>2}/{count}  {word:<7} {:>6.1} s  {:<38} {said}",
                        started.elapsed().as_secs(),
                        *done,
                        began.elapsed().as_secs_f64(),
                        job.name,
                    );
                    if let Err(error) = result {
                        println!("{error:#}\n");
                        lock(&failed).push(job.name);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    if !failed.is_empty() {
        bail!("{} of {count} failed: {}", failed.len(), failed.join(", "));
    }
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_it_is_done_and_what_failed_is_named() {
        let done = Mutex::new(Vec::new());
        let job = |name: &'static str, fails: bool| {
            let done = &done;
            Job::new(name, move || {
                lock(done).push(name);
                if fails { bail!("no") } else { Ok(String::new()) }
            })
        };
        let error = run(vec![job("a", false), job("b", true), job("c", false)]).unwrap_err();
        assert_eq!(error.to_string(), "1 of 3 failed: b");
        assert_eq!(done.into_inner().unwrap().len(), 3);
        run(Vec::new()).unwrap();
    }

    #[test]
    fn a_program_that_runs_no_test_or_fails_is_a_failure() {
        let logs = tempfile::tempdir().unwrap();
        let shell = |text: &str| {
            let mut command = Command::new("sh");
            command.args(["-c", text]);
            command
        };
        let run_one = |text, may_be_empty| run(vec![Job::tests("x", shell(text), logs.path(), may_be_empty)]);
        assert!(run_one("echo 'test result: ok. 3 passed; 0 failed'", false).is_ok());
        assert!(run_one("echo 'test result: ok. 0 passed; 0 failed'", true).is_ok());
        assert!(run_one("echo 'test result: ok. 0 passed; 0 failed'", false).is_err());
        assert!(run_one("echo 'test result: ok. 3 passed; 0 failed'; exit 1", false).is_err());
    }
}
