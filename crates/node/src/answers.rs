//! The way back to JavaScript: answers that are there at the same time go over the border together.
//!
//! Waking JavaScript costs more than telling it something, so that what became ready in one turn of the runtime is told
//! in one text.

use napi::Env;
use napi::Status;
use napi::bindgen_prelude::Function;
use napi::threadsafe_function::{ThreadsafeCallContext, ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi_derive::napi;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// From here on the answers that are there are told without waiting for others. A text of JavaScript has an end.
const TEXT_BYTES: usize = 4 * 1024 * 1024;

/// Answers that are told together.
struct Batch {
    text: String,
    count: usize,
}

type Tell = ThreadsafeFunction<Batch, (), String, Status, false, true>;

/// What the calls of one JavaScript environment, the main thread or a worker, are answered through.
#[napi]
pub struct NativeAnswers {
    pub(crate) answers: Arc<Answers>,
}

pub(crate) struct Answers {
    /// There from the beginning, until the environment ends.
    tell: Mutex<Option<Tell>>,
    finished: Mutex<Finished>,
    /// Calls that are not answered yet. While there are some, Node does not end.
    under_way: Mutex<usize>,
}

#[derive(Default)]
struct Finished {
    text: String,
    count: usize,
}

/// From now on `told` is called with what became of calls: `[number, outcome, number, outcome, …]`, as JSON.
#[napi]
pub fn listen(told: Function<'_, String, ()>) -> napi::Result<NativeAnswers> {
    let answers =
        Arc::new(Answers { tell: Mutex::new(None), finished: Mutex::default(), under_way: Mutex::new(0) });
    let weak: Weak<Answers> = Arc::downgrade(&answers);
    let tell = told.build_threadsafe_function::<Batch>().weak::<true>().callee_handled::<false>();
    let tell = tell.build_callback(move |context: ThreadsafeCallContext<Batch>| {
        let ThreadsafeCallContext { env, value } = context;
        if let Some(answers) = weak.upgrade() {
            answers.fewer(&env, value.count)?;
        }
        Ok(value.text)
    })?;
    *lock(&answers.tell) = Some(tell);
    Ok(NativeAnswers { answers })
}

impl Answers {
    /// `count` calls begin: until they are answered, Node does not end.
    #[expect(deprecated, reason = "Node is to be kept from ending only while calls are under way")]
    pub(crate) fn more(&self, env: &Env, count: usize) -> napi::Result<()> {
        let mut under_way = lock(&self.under_way);
        if *under_way == 0
            && let Some(tell) = &mut *lock(&self.tell)
        {
            tell.refer(env)?;
        }
        *under_way += count;
        Ok(())
    }

    #[expect(deprecated, reason = "Node is to be kept from ending only while calls are under way")]
    fn fewer(&self, env: &Env, count: usize) -> napi::Result<()> {
        let mut under_way = lock(&self.under_way);
        *under_way = under_way.saturating_sub(count);
        if *under_way == 0
            && let Some(tell) = &mut *lock(&self.tell)
        {
            tell.unref(env)?;
        }
        Ok(())
    }

    /// The call with this number is over. Called on the runtime of clients.
    pub(crate) fn finish(self: &Arc<Self>, number: u32, outcome: &str) {
        let (is_first, is_enough) = {
            let mut finished = lock(&self.finished);
            let separator = if finished.count == 0 { '[' } else { ',' };
            // Writing into a text does not fail.
            let _ = write!(finished.text, "{separator}{number},{outcome}");
            finished.count += 1;
            (finished.count == 1, finished.text.len() >= TEXT_BYTES)
        };
        if is_enough {
            self.tell();
        } else if is_first {
            // It runs once everything that is ready now has run.
            let answers = Arc::clone(self);
            tokio::spawn(async move { answers.tell() });
        }
    }

    fn tell(&self) {
        let Finished { mut text, count } = std::mem::take(&mut *lock(&self.finished));
        if count == 0 {
            return;
        }
        text.push(']');
        if let Some(tell) = &*lock(&self.tell) {
            // An environment that is closing has nobody left to tell.
            let _ = tell.call(Batch { text, count }, ThreadsafeFunctionCallMode::NonBlocking);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
