//! Threads beside the one that runs JavaScript. None of them keeps Node from ending.

use futures_util::FutureExt as _;
use napi::bindgen_prelude::{Object, ToNapiValue};
use napi::{Env, JsDeferred};
use std::panic::AssertUnwindSafe;
use std::sync::LazyLock;
use tokio::runtime::{Builder, Handle, Runtime};

/// Threads that serve all servers of the process.
const SERVER_THREADS: usize = 2;

/// A runtime, or why the system gave none.
pub(crate) type Shared = LazyLock<Result<Handle, String>>;

/// Sends requests. One thread: a client waits more than it works, and waking others costs more than it saves.
pub(crate) static CLIENTS: Shared =
    LazyLock::new(|| start("verger-clients", Builder::new_current_thread().enable_all()));

/// Runs the servers of the process, so that one that is busy holds up no calls of clients.
pub(crate) static SERVERS: Shared = LazyLock::new(|| {
    start("verger-servers", Builder::new_multi_thread().worker_threads(SERVER_THREADS).enable_all())
});

fn start(name: &str, builder: &mut Builder) -> Result<Handle, String> {
    let why = |error: std::io::Error| format!("the system gives no threads: {error}");
    let runtime: Runtime = builder.thread_name(name).build().map_err(why)?;
    let handle = runtime.handle().clone();
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || runtime.block_on(std::future::pending::<()>()))
        .map_err(why)?;
    Ok(handle)
}

/// A promise of what `work` gives. It always settles: with `broken` if the work panics, or cannot begin.
pub(crate) fn promise<'env, T, F>(
    env: &'env Env,
    runtime: &Shared,
    work: F,
    broken: fn(String) -> T,
) -> napi::Result<Object<'env>>
where
    T: ToNapiValue + Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    type Resolve<T> = Box<dyn FnOnce(Env) -> napi::Result<T> + Send>;
    let (deferred, promise): (JsDeferred<T, Resolve<T>>, _) = env.create_deferred()?;
    let resolve = |deferred: JsDeferred<T, Resolve<T>>, value: T| deferred.resolve(Box::new(|_| Ok(value)));
    match &**runtime {
        Ok(runtime) => {
            runtime.spawn(async move {
                let value = AssertUnwindSafe(work).catch_unwind().await;
                resolve(deferred, value.unwrap_or_else(|_| broken("a bug: the native part panicked".into())));
            });
        }
        Err(why) => resolve(deferred, broken(why.clone())),
    }
    Ok(promise)
}
