//! Background tasks that run for as long as the server does: one that dies is restarted.

use crate::app::App;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::{JoinError, JoinHandle};
use verger_store::panic_text;

/// How often the server's closing is checked during the pause before a restart.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// A task that ends with its supervisor.
struct Running(JoinHandle<()>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Runs a task until the server closes. If it dies before, that is logged and counted under this name, and the task is
/// restarted after a pause; a task that keeps dying makes the server report that it is not ready.
pub(crate) fn supervise<F>(
    app: &Arc<App>,
    name: &'static str,
    task: impl Fn(Arc<App>) -> F + Send + 'static,
) -> JoinHandle<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    let app = Arc::clone(app);
    tokio::spawn(async move {
        loop {
            let mut running = Running(tokio::spawn(task(Arc::clone(&app))));
            let why = match (&mut running.0).await {
                Ok(()) if app.is_closing() => return,
                Ok(()) => "it came to its end".to_owned(),
                Err(error) if error.is_cancelled() => return,
                Err(error) => panic_of(error),
            };
            let begin_at = Instant::now() + app.deaths.record(name, &why, Instant::now());
            while let Some(left) = begin_at.checked_duration_since(Instant::now()) {
                if app.is_closing() {
                    return;
                }
                tokio::time::sleep(left.min(LOOK_EVERY)).await;
            }
        }
    })
}

/// Why a task ended unexpectedly.
pub(crate) fn panic_of(error: JoinError) -> String {
    error.try_into_panic().map_or_else(|error| error.to_string(), |panic| panic_text(&*panic).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{Limits, Messaging};
    use crate::clock::ManualClock;
    use crate::randomness::Randomness;
    use std::sync::atomic::{AtomicU32, Ordering};
    use verger_store::Store;
    use verger_wire::UnixMillis;

    fn app() -> Arc<App> {
        let store = Arc::new(Store::ephemeral().unwrap());
        let clock = Arc::new(ManualClock::at(UnixMillis(1_800_000_000_000)));
        let messaging = Messaging::development().unwrap();
        Arc::new(App::new(store, clock, Randomness::system().unwrap(), Limits::default(), messaging))
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn task_that_dies_begins_again_and_the_third_death_is_trouble() {
        let app = app();
        let starts = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&starts);
        let (lives, mut lived) = tokio::sync::mpsc::unbounded_channel();
        let supervisor = supervise(&app, "test", move |app| {
            let start = counted.fetch_add(1, Ordering::Relaxed);
            let lives = lives.clone();
            async move {
                match start {
                    0 => panic!("first {start}"),
                    1 => return,
                    2 => std::panic::panic_any(1_u8),
                    _ => {}
                }
                lives.send(app.deaths.trouble(Instant::now())).unwrap();
                while !app.is_closing() {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
        });
        let patience = Duration::from_secs(20);
        let trouble = tokio::time::timeout(patience, lived.recv()).await.expect("it begins again").unwrap();
        assert!(trouble.unwrap().contains("test died 3 times"));
        app.begin_closing();
        tokio::time::timeout(patience, supervisor).await.expect("it ends with the server").unwrap();
        assert_eq!(starts.load(Ordering::Relaxed), 4);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn task_ends_with_its_supervisor() {
        let app = app();
        let (lives, mut lived) = tokio::sync::mpsc::channel::<()>(1);
        let supervisor = supervise(&app, "test", move |_| {
            let lives = lives.clone();
            async move {
                lives.send(()).await.unwrap();
                std::future::pending::<()>().await;
            }
        });
        lived.recv().await.expect("it runs");
        supervisor.abort();
        let ended = tokio::time::timeout(Duration::from_secs(20), lived.recv()).await;
        assert_eq!(ended.expect("nobody is left"), None);
    }
}
