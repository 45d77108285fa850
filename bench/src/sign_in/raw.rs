//! What the cores can do without a server: RSA signatures and password digests, nothing else.

use crate::compare::cpu_us;
use anyhow::{Context as _, Result, anyhow};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use std::time::{Duration, Instant};
use verger_credentials::{Digest, Hasher, Password, Workspace};

/// Bytes of the header and the claims of a session token, in base64.
const SIGNED_BYTES: usize = 600;

/// Password digests as the server makes them.
pub(super) struct Hashing {
    digest: Digest,
    password: Password,
}

pub(super) fn cores() -> Result<usize> {
    Ok(std::thread::available_parallelism()?.get())
}

/// How often something was done.
#[derive(Clone, Copy)]
pub(super) struct Rate {
    pub(super) per_second: f64,
    /// The CPU time of one, in microseconds: what is left of the rate when others use the cores as well.
    pub(super) cpu_us: f64,
}

/// RS256 signatures of all cores together; each has a key of its own.
pub(super) fn signatures(time: Duration) -> Result<Rate> {
    let keys = (0..cores()?).map(|_| RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| anyhow!("no key")));
    let tasks = keys.collect::<Result<Vec<_>>>()?.into_iter().map(|key| {
        let (signed, random) = ([b'x'; SIGNED_BYTES], SystemRandom::new());
        let mut signature = vec![0; key.public_modulus_len()];
        move || {
            key.sign(&RSA_PKCS1_SHA256, &random, &signed, &mut signature).map_err(|_| anyhow!("no signature"))
        }
    });
    rate(tasks.collect(), time)
}

impl Rate {
    /// Of two measurements of the same length.
    pub(super) fn mean(one: Self, other: Self) -> Self {
        Self {
            per_second: (one.per_second + other.per_second) / 2.0,
            cpu_us: (one.cpu_us + other.cpu_us) / 2.0,
        }
    }
}

impl Hashing {
    pub(super) fn new(password: &str) -> Result<Self> {
        let password = Password::typed(password).context("a password")?;
        let text = Digest::own(&password, [7; 16], &mut Workspace::default());
        let digest = Digest::parse(Hasher::Own, &text).map_err(|why| anyhow!(why.0))?;
        Ok(Self { digest, password })
    }

    /// Comparisons of so many threads together.
    pub(super) fn rate(&self, threads: usize, time: Duration) -> Result<Rate> {
        let tasks = (0..threads).map(|_| {
            let mut workspace = Workspace::default();
            move || {
                let is_right = self.digest.verify(&self.password, &mut workspace);
                is_right.then_some(()).context("the password is right")
            }
        });
        rate(tasks.collect(), time)
    }
}

/// Does each task again and again on a thread of its own.
fn rate(tasks: Vec<impl FnMut() -> Result<()> + Send>, time: Duration) -> Result<Rate> {
    let (cpu_before, started) = (cpu_us("self")?, Instant::now());
    let done = std::thread::scope(|scope| {
        let running: Vec<_> = tasks
            .into_iter()
            .map(|mut task| {
                scope.spawn(move || -> Result<u64> {
                    let mut done = 0;
                    while started.elapsed() < time {
                        task()?;
                        done += 1;
                    }
                    Ok(done)
                })
            })
            .collect();
        let done = running.into_iter().map(|thread| thread.join().map_err(|_| anyhow!("a task panicked"))?);
        done.sum::<Result<u64>>()
    })? as f64;
    Ok(Rate {
        per_second: done / started.elapsed().as_secs_f64(),
        cpu_us: (cpu_us("self")? - cpu_before) / done,
    })
}
