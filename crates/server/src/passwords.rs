//! New passwords and passwords that are compared: what is done on the pool.

use crate::app::App;
use crate::error::Failure;
use crate::password_pool::Room;
use verger_core::credentials::reasons::PASSWORD_PWNED;
use verger_credentials::digest::{SALT_BYTES, spend_the_rest};
use verger_credentials::{Cost, Digest, Password, StoredDigest, Workspace};
use verger_wire::Refused;

/// What came of comparing a password.
pub(crate) struct Compared {
    /// Whether it is the password.
    pub(crate) is_right: bool,
    /// The same password with a digest of our own, if another system made the digest and it is right.
    pub(crate) rehashed: Option<StoredDigest>,
}

/// Compares a password, or nothing at all, in the time of a digest of our own: a cheaper one is followed by the rest. `None`
/// stands for a password that is too long to be anybody's, and for a user who has none.
fn compare(typed: Option<&Password>, digest: Option<&Digest>, workspace: &mut Workspace) -> (bool, Cost) {
    let Some((typed, digest)) = typed.zip(digest) else {
        spend_the_rest(Cost(0), workspace);
        return (false, Cost::OWN);
    };
    let is_right = digest.verify(typed, workspace);
    spend_the_rest(digest.cost(), workspace);
    (is_right, digest.cost().max(Cost::OWN))
}

impl App {
    /// The digest of a new password. `is_listed_refused`: it may not be in the operator's own list.
    pub(crate) async fn hash_password(
        &self,
        password: Password,
        is_listed_refused: bool,
    ) -> Result<StoredDigest, Failure> {
        let list = self.password_list.clone().filter(|_| is_listed_refused);
        let salt = self.salt();
        self.passwords
            .run(Cost::OWN, move |workspace| {
                if let Some(list) = list {
                    let is_listed = list.contains(&password);
                    let cannot = |error| Failure::Bug(format!("password_list cannot be read: {error}"));
                    if is_listed.map_err(cannot)? {
                        return Err(Refused::new(&PASSWORD_PWNED).param("password").into());
                    }
                }
                Ok(StoredDigest::own(&password, salt, workspace))
            })
            .await?
    }

    /// Compares a password with a digest, in the room that was taken before the try was counted.
    pub(crate) async fn compare_password(
        &self,
        room: Room,
        typed: Option<Password>,
        stored: StoredDigest,
    ) -> Result<Compared, Failure> {
        let digest = stored.digest();
        let digest = digest.map_err(|why| Failure::Bug(format!("the digest of a password {}", why.0)))?;
        let cost = digest.cost().max(Cost::OWN);
        // A right one is hashed as well.
        let cost = if stored.is_imported() { Cost(cost.0.saturating_add(Cost::OWN.0)) } else { cost };
        let salt = self.salt();
        room.raised(cost)
            .run(digest.is_large(), move |workspace| {
                let (is_right, _) = compare(typed.as_ref(), Some(&digest), workspace);
                let anew = typed.as_ref().filter(|_| is_right && stored.is_imported());
                let rehashed = anew.map(|typed| StoredDigest::own(typed, salt, workspace));
                Compared { is_right, rehashed }
            })
            .await
    }

    /// Takes the time of a comparison where there is nothing to compare with, so that the time does not tell.
    pub(crate) async fn compare_nothing(&self) -> Result<(), Failure> {
        self.passwords.run(Cost::OWN, |workspace| compare(None, None, workspace)).await.map(drop)
    }

    fn salt(&self) -> [u8; SALT_BYTES] {
        let mut salt = [0; SALT_BYTES];
        self.env().rng().fill_bytes(&mut salt);
        salt
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use verger_credentials::Hasher;

    fn digests() -> Vec<(&'static str, Digest)> {
        let vectors = [
            (
                Hasher::Argon2id,
                "$argon2id$v=19$m=64,t=2,p=1$TmFDbE5hQ2xOYUNsMTIzNA$AOVREARcv2tHzsb8Fym5NZQpzmhgLCG8gry77u61YCM",
            ),
            (Hasher::Bcrypt, "$2b$04$abcdefghijklmnopqrstuutFRmox32/oMUicrvfahfUOhMf2MJxPO"),
            (Hasher::Md5, "d13a384bfba83709c2b4fe3747f1456f"),
            (
                Hasher::Pbkdf2Sha1,
                "pbkdf2_sha1$1000$saltysalt$ceb8cc90e0f505dff22701d855c32627d07e2065e2c62fa190caba346071d286",
            ),
            (Hasher::Phpass, "$P$5NaClNaCl8WXTXa7jQppIhZNsbiKhm."),
            (
                Hasher::Sha512Symfony,
                "sha512_symfony$5000$NaCl$uFFwZP+U6JDuDZ7LmcMoPa8i9y5qxK91zsgx8Sn0JiTgiCR6s/FLIuP9YY3FCuzAGKjlcO6kGD4YUqZnbZLo7w==",
            ),
        ];
        vectors
            .into_iter()
            .map(|(hasher, text)| (hasher.as_str(), Digest::parse(hasher, text).unwrap()))
            .collect()
    }

    /// How long this thread has run: the machine does other things as well.
    fn cpu_time() -> Duration {
        let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
        Duration::from_nanos(told.split(' ').next().unwrap().parse().unwrap())
    }

    #[test]
    fn s17_every_comparison_takes_the_work_of_our_own_digest() {
        let mut workspace = Workspace::default();
        let typed = Password::typed("Verger-test-1!").unwrap();
        let own = StoredDigest::own(&typed, [1; SALT_BYTES], &mut workspace).digest().unwrap();
        let [empty, wrong] = ["", "wrong"].map(|text| Password::typed(text).unwrap());
        let digests = digests();
        let mut cases = vec![
            ("our own", Some(&typed), Some(&own)),
            ("wrong", Some(&wrong), Some(&own)),
            ("empty", Some(&empty), Some(&own)),
            ("too long", None, Some(&own)),
            ("nobody", None, None),
        ];
        for (name, digest) in &digests {
            cases.extend([(*name, Some(&typed), Some(digest)), (*name, Some(&wrong), Some(digest))]);
        }
        // In turn, and the fastest of each.
        let mut fastest = vec![Duration::MAX; cases.len()];
        for _ in 0..10 {
            for ((_, typed, digest), fastest) in cases.iter().zip(&mut fastest) {
                let start = cpu_time();
                assert_eq!(compare(*typed, *digest, &mut workspace).1, Cost::OWN);
                *fastest = (cpu_time() - start).min(*fastest);
            }
        }
        let expected = fastest[0];
        for ((name, ..), took) in cases.iter().zip(&fastest) {
            let ratio = took.as_secs_f64() / expected.as_secs_f64();
            assert!((0.5..2.0).contains(&ratio), "{name}: {took:?}, and our own {expected:?}");
        }
    }
}
