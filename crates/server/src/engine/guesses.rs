//! Tries of a factor of a user: each is counted and committed before anything is compared (contract section 6).
//!
//! Tries of one user take turns, so that of many right ones that come together none is refused because of the others, which
//! count as wrong until they prove right.

use super::precondition::Versions;
use super::run::{Begun, Command, Engine, Outcome};
use super::writing::Writing;
use crate::answer::Answer;
use crate::error::Failure;
use crate::password_pool::Room;
use crate::secrets::{open_backup_codes, open_password, open_totp, seal_backup_codes, seal_password};
use crate::turns::Turns;
use verger_core::credentials::reasons::{
    FACTOR_CLOSED, INCORRECT_PASSWORD, PASSWORD_COMPROMISED, TOTP_INCORRECT,
};
use verger_core::settings::Settings;
use verger_core::{GuessedFactor, Lockout, Refusal, TypedCode};
use verger_credentials::{BackupCode, Cost, Password, StoredDigest, TotpCode, Workspace};
use verger_http::reasons::malformed;
use verger_store::{
    AggregateKey, AggregateKind, Change, GuessWrite, LoadedForGuess, SecretUse, StoreError, Write,
};
use verger_wire::user::{CodeVerified, PasswordVerified};
use verger_wire::{Reason, UserId};

/// The most characters of a code that is typed.
const CODE_CHARACTERS_MAX: usize = verger_credentials::backup_code::CHARACTERS_MAX;

/// Whose factor is tried.
#[derive(Clone, Copy)]
struct Try<'a> {
    writing: &'a Writing<'a>,
    id: &'a UserId,
    factor: GuessedFactor,
    lockout: Option<Lockout>,
}

/// Counts a try.
struct CountTry<'a>(Try<'a>);

/// Accepts a right one whose try is counted.
struct AcceptTry<'a> {
    of: Try<'a>,
    proof: Proof,
}

/// Tells that the wrong tries have locked the user.
struct TellLockout<'a>(Try<'a>);

/// What was right, or is to be found right at the last moment.
enum Proof {
    /// The password; hashed anew, it takes the place of the sealed digest.
    Password { compared: String, rehashed: Option<StoredDigest> },
    /// A code of an authenticator: whether it was used before is decided where it is used.
    Totp(TotpCode),
    /// One of the backup codes.
    BackupCode(BackupCode),
}

/// A try that is counted, until it is compared.
struct CountedTry<'a> {
    /// What it is compared with.
    found: LoadedForGuess,
    /// Where.
    room: Room,
    /// Tries of one user take turns.
    _turns: Turns<'a>,
}

/// How a try begins.
enum Begins<'a> {
    /// It is counted.
    Counted(Box<CountedTry<'a>>),
    /// A request with the same key was answered before.
    Answered(Answer),
}

/// What comes of counting a try.
enum Counted {
    /// It is counted; this is what it is compared with.
    Counts(Box<LoadedForGuess>),
    /// A request with the same key was answered before.
    Answered(Answer),
}

/// What comes of accepting a try.
enum Accepted {
    /// It was right, and this is the answer.
    Right(Answer),
    /// It was right, and opens nothing.
    Compromised,
    /// It was used before.
    Wrong,
}

impl Outcome for Counted {
    fn answer(&mut self) -> Option<&mut Answer> {
        None
    }

    fn replayed(answer: Answer) -> Self {
        Self::Answered(answer)
    }
}

impl Outcome for Accepted {
    fn answer(&mut self) -> Option<&mut Answer> {
        match self {
            Self::Right(answer) => Some(answer),
            Self::Compromised | Self::Wrong => None,
        }
    }

    fn replayed(answer: Answer) -> Self {
        Self::Right(answer)
    }
}

impl Writing<'_> {
    /// Compares a password with that of a user. `None` stands for one that is too long to be anybody's.
    pub(crate) async fn verify_password(
        &self,
        id: &UserId,
        typed: Option<Password>,
        settings: &Settings,
    ) -> Result<Answer, Failure> {
        self.refuse_dry_run()?;
        if !settings.first_factors.password {
            return Err(Refusal::PasswordDisabled.into());
        }
        let of = self.try_of(id, GuessedFactor::Password, settings);
        self.engine
            .replaying(async {
                self.app.passwords.require_room()?;
                let counted = match self.count(of).await {
                    Ok(Begins::Counted(counted)) => counted,
                    Ok(Begins::Answered(answer)) => return Ok(answer),
                    Err(failure) => return Err(self.after_nothing(failure).await),
                };
                let tried = self.password_counted(of, typed, *counted).await;
                tried.map_err(Failure::after_counted_try)
            })
            .await
    }

    /// Compares the code of an authenticator, or a backup code, which is used up if it is right.
    pub(crate) async fn verify_code(
        &self,
        id: &UserId,
        typed: &str,
        settings: &Settings,
    ) -> Result<Answer, Failure> {
        self.refuse_dry_run()?;
        self.engine
            .replaying(async {
                let user = self.scoped().load_user(id, self.deadline()).await?;
                let user = user.ok_or_else(|| Failure::not_found("user"))?;
                let typed_code = user.typed_code(typed, settings)?;
                let factor = match typed_code {
                    TypedCode::Totp(_) => GuessedFactor::Totp,
                    TypedCode::BackupCode => GuessedFactor::BackupCodes,
                };
                let of = self.try_of(id, factor, settings);
                let CountedTry { found, room, _turns } = match self.count(of).await? {
                    Begins::Counted(counted) => *counted,
                    Begins::Answered(answer) => return Ok(answer),
                };
                let proof = match typed_code {
                    TypedCode::Totp(code) => Ok(Some(Proof::Totp(code))),
                    TypedCode::BackupCode => self.find_backup_code(id, room, typed, &found).await,
                };
                let tried = match proof {
                    Ok(Some(proof)) => self.accept(of, proof, found, &TOTP_INCORRECT).await,
                    Ok(None) => Err(self.refuse_try(of, found, &TOTP_INCORRECT).await),
                    Err(failure) => Err(failure),
                };
                tried.map_err(Failure::after_counted_try)
            })
            .await
    }

    /// Takes the turn at the tries of the user, and counts this one. Before that it takes the room to compare: what is refused
    /// for lack of it was not tried.
    async fn count(&self, of: Try<'_>) -> Result<Begins<'_>, Failure> {
        let count = CountTry(of);
        let (found, turns) = match self.engine.begin(&count).await? {
            Begun::Found(found, turns) => (found, turns),
            Begun::Replayed(answer) => return Ok(Begins::Answered(answer)),
        };
        let room = match of.factor {
            GuessedFactor::Totp => self.app.passwords.no_room(),
            GuessedFactor::Password | GuessedFactor::BackupCodes => self.app.passwords.room(Cost::OWN)?,
        };
        Ok(match self.engine.decide(&count, found).await? {
            Counted::Counts(found) => {
                Begins::Counted(Box::new(CountedTry { found: *found, room, _turns: turns }))
            }
            Counted::Answered(answer) => Begins::Answered(answer),
        })
    }

    async fn password_counted(
        &self,
        of: Try<'_>,
        typed: Option<Password>,
        counted: CountedTry<'_>,
    ) -> Result<Answer, Failure> {
        let CountedTry { found, room, _turns } = counted;
        let compared = found.secrets.password.clone().ok_or(Refusal::NoPassword)?;
        let stored = open_password(&self.app.keyring, of.id, &compared)?;
        let outcome = self.app.compare_password(room, typed, stored).await?;
        if !outcome.is_right {
            return Err(self.refuse_try(of, found, &INCORRECT_PASSWORD).await);
        }
        let proof = Proof::Password { compared, rehashed: outcome.rehashed };
        self.accept(of, proof, found, &INCORRECT_PASSWORD).await
    }

    /// Accepts what was right, unless it was used meanwhile: then it is as wrong as any other.
    async fn accept(
        &self,
        of: Try<'_>,
        proof: Proof,
        counted: LoadedForGuess,
        if_wrong: &'static Reason,
    ) -> Result<Answer, Failure> {
        let again = counted.clone();
        match self.engine.decide(&AcceptTry { of, proof }, counted).await? {
            Accepted::Right(answer) => {
                count_try(of.factor, "right");
                Ok(answer)
            }
            Accepted::Compromised => {
                count_try(of.factor, "compromised");
                Err((&PASSWORD_COMPROMISED).into())
            }
            Accepted::Wrong => Err(self.refuse_try(of, again, if_wrong).await),
        }
    }

    /// The backup code that was typed, compared on the password pool.
    async fn find_backup_code(
        &self,
        id: &UserId,
        room: Room,
        typed: &str,
        counted: &LoadedForGuess,
    ) -> Result<Option<Proof>, Failure> {
        let sealed = counted.secrets.backup_codes.as_deref().ok_or(Refusal::TotpDisabled)?;
        let codes = open_backup_codes(&self.app.keyring, id, sealed)?;
        let cost = Cost(codes.iter().map(|code| code.cost().0).sum());
        if typed.chars().count() > CODE_CHARACTERS_MAX {
            return Ok(None);
        }
        let typed = zeroize::Zeroizing::new(typed.to_owned());
        let find =
            move |workspace: &mut Workspace| codes.into_iter().find(|code| code.matches(&typed, workspace));
        Ok(room.raised(cost).run(false, find).await?.map(Proof::BackupCode))
    }

    fn try_of<'a>(&'a self, id: &'a UserId, factor: GuessedFactor, settings: &Settings) -> Try<'a> {
        Try { writing: self, id, factor, lockout: Lockout::of(settings) }
    }

    fn refuse_dry_run(&self) -> Result<(), Failure> {
        if !self.is_dry_run() {
            return Ok(());
        }
        let why =
            "A password or code cannot be tried without counting the try, so there is no dry run of it.";
        Err(malformed(why).param("Prefer").into())
    }

    /// The failure, after the time that a comparison would have taken: where there is nothing to compare with, the time must
    /// not tell. A factor that is closed says so itself.
    async fn after_nothing(&self, failure: Failure) -> Failure {
        let is_of_user = matches!(&failure, Failure::Refused(refused) if *refused.reason != FACTOR_CLOSED);
        if is_of_user && let Err(other) = self.app.compare_nothing().await {
            return other;
        }
        failure
    }

    /// The try is counted and stays so; with it the user may have been locked.
    async fn refuse_try(&self, of: Try<'_>, counted: LoadedForGuess, reason: &'static Reason) -> Failure {
        count_try(of.factor, "wrong");
        if counted.user.credentials.lockout_until.is_some() {
            tracing::warn!(
                target: "verger::audit",
                trace_id = &*self.context.trace_id.0,
                instance_id = self.context.instance.id.as_str(),
                user_id = of.id.as_str(),
                "too many wrong tries have locked a user"
            );
            if let Err(failure) = self.engine.decide(&TellLockout(of), counted).await {
                return failure;
            }
        }
        reason.into()
    }
}

/// What both steps do with what they load.
impl Try<'_> {
    async fn load(&self, engine: &Engine<'_>) -> Result<LoadedForGuess, Failure> {
        let found = engine.scoped().load_for_guess(self.id, self.factor, engine.deadline).await?;
        found.ok_or_else(|| Failure::not_found("user"))
    }

    /// Not the turn of whoever changes the user: comparing takes long.
    fn key(&self) -> AggregateKey {
        AggregateKey { kind: AggregateKind::User, id: format!("{} tries", self.id) }
    }

    fn guess(&self, found: &LoadedForGuess, after: verger_core::Guesses) -> GuessWrite {
        GuessWrite {
            user_id: self.id.clone(),
            factor: self.factor,
            before: found.window.clone(),
            after,
            failed_before: found.user.credentials.failed_attempts,
        }
    }

    /// What a try is refused for. A clock that was ahead must close a factor or lock a user for no longer than a steady one: a
    /// moment in the future that causes a refusal is set to now, and ages from then on.
    async fn settled(&self, engine: &Engine<'_>, found: &LoadedForGuess, refusal: Refusal) -> Refusal {
        let (settled, write) = {
            let env = self.writing.app.env_of(engine.instance);
            let Some(after) = found.user.settled_guesses(&found.window, self.lockout, env.now) else {
                return refusal;
            };
            let mut user = found.user.clone();
            user.credentials.lockout_until = after.lockout_until;
            let settled = user.begin_guess(&after.window, self.lockout, &env).err().unwrap_or(refusal);
            (settled, Write { guesses: vec![self.guess(found, after)], ..Write::at(env.now) })
        };
        match self.writing.scoped().save(&write, self.writing.deadline()).await {
            // A concurrent write has corrected it.
            Ok(()) | Err(StoreError::Conflict(_)) => {}
            Err(error) => tracing::warn!(
                %error,
                trace_id = &*self.writing.context.trace_id.0,
                "failed tries of a factor lie in the future, and could not be corrected"
            ),
        }
        settled
    }

    /// Whether there is something to compare with, which a key of today opens.
    fn require_secret(&self, found: &LoadedForGuess) -> Result<(), Failure> {
        let (keyring, secrets) = (&self.writing.app.keyring, &found.secrets);
        match self.factor {
            GuessedFactor::Password => {
                let sealed = secrets.password.as_deref().ok_or(Refusal::NoPassword)?;
                open_password(keyring, self.id, sealed).map(drop)
            }
            GuessedFactor::Totp => {
                let sealed = secrets.totp_secret.as_deref().ok_or(Refusal::TotpDisabled)?;
                open_totp(keyring, self.id, sealed).map(drop)
            }
            GuessedFactor::BackupCodes => {
                let sealed = secrets.backup_codes.as_deref().ok_or(Refusal::TotpDisabled)?;
                open_backup_codes(keyring, self.id, sealed).map(drop)
            }
        }
    }
}

impl Command for CountTry<'_> {
    type Found = LoadedForGuess;
    type Outcome = Counted;

    async fn load(&self, engine: &Engine<'_>) -> Result<LoadedForGuess, Failure> {
        self.0.load(engine).await
    }

    fn keys(&self, _found: &LoadedForGuess) -> Vec<AggregateKey> {
        vec![self.0.key()]
    }

    fn versions(&self, found: &LoadedForGuess) -> Versions {
        Versions::One(found.user.version)
    }

    async fn decide(&self, engine: &Engine<'_>, found: &LoadedForGuess) -> Result<(Write, Counted), Failure> {
        let of = &self.0;
        of.require_secret(found)?;
        let (begun, now) = {
            let env = of.writing.app.env_of(engine.instance);
            (found.user.begin_guess(&found.window, of.lockout, &env), env.now)
        };
        let after = match begun {
            Ok(after) => after,
            Err(refusal) => return Err(of.settled(engine, found, refusal).await.into()),
        };
        let mut counted = Box::new(found.clone());
        counted.window = after.window.clone();
        counted.user.credentials.failed_attempts = after.failed_attempts;
        counted.user.credentials.lockout_until = after.lockout_until;
        let write = Write { guesses: vec![of.guess(found, after)], ..Write::at(now) };
        Ok((write, Counted::Counts(counted)))
    }
}

impl AcceptTry<'_> {
    /// What is done with the secret; `None` if what was typed was used meanwhile.
    fn used(&self, found: &LoadedForGuess, now_ms: i64) -> Result<Option<Used>, Failure> {
        let (keyring, id, secrets) = (&self.of.writing.app.keyring, self.of.id, &found.secrets);
        match &self.proof {
            Proof::Password { compared, rehashed } => {
                // It was sealed anew or set meanwhile: whoever is next hashes it anew.
                let is_same = secrets.password.as_ref() == Some(compared);
                let Some(rehashed) = rehashed.as_ref().filter(|_| is_same) else {
                    return Ok(Some(Used::Nothing));
                };
                let to = seal_password(keyring, id, rehashed)?;
                Ok(Some(Used::Secret(SecretUse::Rehashed { from: compared.clone(), to })))
            }
            Proof::Totp(code) => {
                let Some(sealed) = &secrets.totp_secret else { return Ok(None) };
                let secret = open_totp(keyring, id, sealed)?;
                let step = secret.step_of(code, now_ms, secrets.totp_last_step);
                Ok(step.map(|step| Used::Secret(SecretUse::TotpStep { secret: sealed.clone(), step })))
            }
            Proof::BackupCode(code) => {
                let Some(sealed) = &secrets.backup_codes else { return Ok(None) };
                let mut codes = open_backup_codes(keyring, id, sealed)?;
                let Some(at) = codes.iter().position(|other| other == code) else { return Ok(None) };
                codes.remove(at);
                let left = i64::try_from(codes.len()).unwrap_or(i64::MAX);
                let to = if left > 0 { Some(seal_backup_codes(keyring, id, &codes)?) } else { None };
                Ok(Some(Used::Secret(SecretUse::BackupCode { from: sealed.clone(), to, left })))
            }
        }
    }
}

impl Proof {
    /// What is answered where it is right.
    fn answer(&self) -> Result<Answer, Failure> {
        let code_type = match self {
            Self::Password { .. } => return Answer::json(&PasswordVerified { verified: true }),
            Self::Totp(_) => "totp",
            Self::BackupCode(_) => "backup_code",
        };
        Answer::json(&CodeVerified { verified: true, code_type: code_type.to_owned() })
    }
}

/// What becomes of a secret that was right.
enum Used {
    Nothing,
    Secret(SecretUse),
}

impl Command for AcceptTry<'_> {
    type Found = LoadedForGuess;
    type Outcome = Accepted;

    async fn load(&self, engine: &Engine<'_>) -> Result<LoadedForGuess, Failure> {
        self.of.load(engine).await
    }

    fn keys(&self, _found: &LoadedForGuess) -> Vec<AggregateKey> {
        vec![self.of.key()]
    }

    /// It was compared when the try was counted.
    fn versions(&self, _found: &LoadedForGuess) -> Versions {
        Versions::Uncompared
    }

    async fn decide(
        &self,
        engine: &Engine<'_>,
        found: &LoadedForGuess,
    ) -> Result<(Write, Accepted), Failure> {
        let (of, user) = (&self.of, &found.user);
        let mut env = of.writing.app.env_of(engine.instance);
        let mut write = Write::at(env.now);
        let Some(used) = self.used(found, env.now.0)? else { return Ok((write, Accepted::Wrong)) };
        let after = user.accept_guess(&found.window)?;
        write.guesses.push(of.guess(found, after));
        if let Used::Secret(used) = used {
            if matches!(used, SecretUse::BackupCode { to: None, .. }) {
                // With the last one the user changes.
                let change = user.use_backup_code(&env);
                write.told.extend(of.writing.told(
                    Some(user),
                    Some(&change.user),
                    &change.consequences,
                    &mut env,
                )?);
                write.changes.push(Change::update(user.clone(), change.user).into());
            }
            write.used.push((of.id.clone(), used));
        }
        let is_compromised = user.credentials.password.is_some_and(|state| state.compromised_at.is_some());
        if of.factor == GuessedFactor::Password && is_compromised {
            return Ok((write, Accepted::Compromised));
        }
        Ok((write, Accepted::Right(self.proof.answer()?)))
    }
}

impl Command for TellLockout<'_> {
    type Found = LoadedForGuess;
    type Outcome = bool;

    async fn load(&self, engine: &Engine<'_>) -> Result<LoadedForGuess, Failure> {
        self.0.load(engine).await
    }

    fn keys(&self, found: &LoadedForGuess) -> Vec<AggregateKey> {
        vec![AggregateKey::user(&found.user.id)]
    }

    fn versions(&self, _found: &LoadedForGuess) -> Versions {
        Versions::Uncompared
    }

    async fn decide(&self, engine: &Engine<'_>, found: &LoadedForGuess) -> Result<(Write, bool), Failure> {
        let writing = self.0.writing;
        let mut env = writing.app.env_of(engine.instance);
        let mut write = Write::at(env.now);
        let Some((before, change)) = found.user.tell_lockout(&env) else { return Ok((write, false)) };
        write.told.extend(writing.told(Some(&before), Some(&change.user), &change.consequences, &mut env)?);
        write.changes.push(Change::update(before, change.user).into());
        Ok((write, true))
    }
}

fn count_try(factor: GuessedFactor, result: &'static str) {
    metrics::counter!("verger_factors_tried_total", "factor" => factor.as_str(), "result" => result)
        .increment(1);
}
