//! Passwords, TOTP and backup codes: the sealed secrets, which of them is used, and how often a factor was tried in vain.
//!
//! A user is loaded with the state of its credentials only. The secrets are read where they are compared, and are written
//! beside the user: a new one by [`SecretWrite`], one that is used or hashed anew by [`SecretUse`], which names the text that
//! was compared, so that of many who use the same one only the first succeeds.

use crate::aggregate::Statements;
use crate::db::{Columns, Query, Reach, Row, Stmt, Value};
use crate::retention::STEP_ROWS_MAX;
use crate::users::users_from;
use crate::{Change, Conflict, Scoped, Store, StoreError};
use std::fmt;
use std::time::Instant;
use verger_core::{Credentials, GuessWindow, GuessedFactor, Guesses, PasswordState, User};
use verger_wire::{UnixMillis, UserId};

/// The sealed secrets of a user. `Debug` says only which there are.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SealedSecrets {
    /// The digest of the password.
    pub password: Option<String>,
    /// The TOTP secret.
    pub totp_secret: Option<String>,
    /// The step of the last code of an authenticator that was right.
    pub totp_last_step: Option<i64>,
    /// The backup codes that are left.
    pub backup_codes: Option<String>,
}

/// A user and everything that decides about a try of one of its factors.
#[derive(Clone, Debug)]
pub struct LoadedForGuess {
    /// The user.
    pub user: User,
    /// What is compared.
    pub secrets: SealedSecrets,
    /// The failures of the factor.
    pub window: GuessWindow,
}

/// New secrets of a user, sealed; those that are `None` stay. What the user no longer has goes with the change of the user.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretWrite {
    /// Whose they are.
    pub user_id: UserId,
    /// The digest of the password.
    pub password: Option<String>,
    /// The TOTP secret. No code of it was used yet.
    pub totp_secret: Option<String>,
    /// All backup codes.
    pub backup_codes: Option<String>,
}

/// What is done with a secret that was compared; refused as stale if the row has another by now.
#[derive(Clone, PartialEq, Eq)]
pub enum SecretUse {
    /// The same password, with a digest of our own.
    Rehashed {
        /// The sealed digest that was compared.
        from: String,
        /// The sealed digest of our own.
        to: String,
    },
    /// A code of an authenticator was right.
    TotpStep {
        /// The sealed secret that made the code.
        secret: String,
        /// The step of the code, which must be later than any that was used.
        step: i64,
    },
    /// A backup code was right and is gone.
    BackupCode {
        /// The sealed codes that it was among.
        from: String,
        /// The sealed codes without it; `None` if it was the last.
        to: Option<String>,
        /// How many are left.
        left: i64,
    },
}

/// What is remembered of a try.
#[derive(Clone, Debug)]
pub struct GuessWrite {
    /// Whose factor was tried.
    pub user_id: UserId,
    /// Which.
    pub factor: GuessedFactor,
    /// The window as it was loaded.
    pub before: GuessWindow,
    /// What is stored.
    pub after: Guesses,
    /// What the user's row had of failures in a row when it was loaded.
    pub failed_before: i64,
}

impl fmt::Debug for SealedSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedSecrets")
            .field("password", &self.password.is_some())
            .field("totp_secret", &self.totp_secret.is_some())
            .field("backup_codes", &self.backup_codes.is_some())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for SecretWrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretWrite").field("user_id", &self.user_id).finish_non_exhaustive()
    }
}

impl fmt::Debug for SecretUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rehashed { .. } => "Rehashed",
            Self::TotpStep { .. } => "TotpStep",
            Self::BackupCode { .. } => "BackupCode",
        })
    }
}

/// How many columns of [`credentials_columns!`](crate::credentials_columns) there are.
pub(crate) const CREDENTIALS_COLUMN_COUNT: usize = 6;

/// Reads the columns of the state of a user's credentials. What the row has of a state counts only beside its secret.
pub(crate) fn credentials_from(columns: &mut Columns) -> Result<Credentials, StoreError> {
    let password_updated_at = columns.optional_int("password_updated_at")?.map(UnixMillis);
    let compromised_at = columns.optional_int("password_compromised_at")?.map(UnixMillis);
    Ok(Credentials {
        password: password_updated_at.map(|updated_at| PasswordState { updated_at, compromised_at }),
        totp_since: columns.optional_int("totp_since")?.map(UnixMillis),
        backup_codes_left: columns.optional_int("backup_codes_left")?.unwrap_or(0),
        failed_attempts: columns.optional_int("failed_attempts")?.unwrap_or(0),
        lockout_until: columns.optional_int("lockout_until")?.map(UnixMillis),
    })
}

fn secrets_from(row: Row) -> Result<SealedSecrets, StoreError> {
    let mut columns = Columns::new("credentials", row);
    columns.id("id")?;
    Ok(SealedSecrets {
        password: columns.optional_text("password")?,
        totp_secret: columns.optional_text("totp_secret")?,
        totp_last_step: columns.optional_int("totp_last_step")?,
        backup_codes: columns.optional_text("backup_codes")?,
    })
}

/// Reads a user id, a version and failures.
pub(crate) fn guess_window_from(row: Row) -> Result<GuessWindow, StoreError> {
    let mut columns = Columns::new("guess_windows", row);
    columns.id("user_id")?;
    let version = columns.int("version")?;
    let failures = columns.text("failures")?;
    let failures: Result<Vec<_>, _> =
        failures.split_whitespace().map(|at| at.parse().map(UnixMillis)).collect();
    Ok(GuessWindow { version, failures: failures.map_err(|_| columns.corrupt("failures"))? })
}

impl Scoped<'_> {
    /// A user with its sealed secrets and the failures of one factor, in one state of the database.
    ///
    /// # Errors
    /// As [`Scoped::load_user`].
    pub async fn load_for_guess(
        &self,
        id: &UserId,
        factor: GuessedFactor,
        deadline: Instant,
    ) -> Result<Option<LoadedForGuess>, StoreError> {
        let key: Vec<Value> = vec![self.instance.as_str().into(), id.as_str().into()];
        let secrets = Query::new(
            "SELECT id, password, totp_secret, totp_last_step, backup_codes FROM credentials
             WHERE instance_id = $1 AND id = $2",
            key.clone(),
        );
        let window = Query::new(
            "SELECT user_id, version, failures FROM guess_windows
             WHERE instance_id = $1 AND user_id = $2 AND factor = $3 AND client_id = ''",
            [key, vec![factor.as_str().into()]].concat(),
        );
        let queries = vec![self.user_query(id), secrets, window];
        let mut answers = self.store.db.snapshot(Reach::Point, queries, deadline).await?;
        let window = answers.pop().and_then(|mut rows| rows.pop()).map(guess_window_from).transpose()?;
        let secrets = answers.pop().and_then(|mut rows| rows.pop()).map(secrets_from).transpose()?;
        let Some(user) = users_from(answers.pop().unwrap_or_default())?.pop() else { return Ok(None) };
        let (secrets, window) = (secrets.unwrap_or_default(), window.unwrap_or_default());
        Ok(Some(LoadedForGuess { user, secrets, window }))
    }

    /// The state of a user's credentials where it differs, each part by itself: what is counted meanwhile stays counted. With
    /// the state goes the secret.
    pub(crate) fn write_credentials(&self, user: &Change<User>, at: UnixMillis, statements: &mut Statements) {
        let none = Credentials::default();
        let before = user.before.as_ref().map_or(&none, |user| &user.credentials);
        let Some(owner) = &user.after else {
            if let Some(gone) = &user.before {
                self.delete_credentials(gone, statements);
            }
            return;
        };
        let after = &owner.credentials;
        if before == after {
            return;
        }
        let key = || vec![self.instance.as_str().into(), owner.id.as_str().into()];
        statements.push(Stmt::new(
            "INSERT INTO credentials (instance_id, id, backup_codes_left, failed_attempts, created_at)
             VALUES ($1, $2, 0, 0, $3) ON CONFLICT (instance_id, id) DO NOTHING",
            [key(), vec![at.into()]].concat(),
        ));
        let mut set = |sql: &'static str, values: Vec<Value>| {
            statements.push(Stmt::new(sql, [key(), values].concat()).expect(1, Conflict::Stale));
        };
        if before.password != after.password {
            let state = after.password;
            set(
                "UPDATE credentials SET password_updated_at = CAST($3 AS BIGINT), password_compromised_at = $4,
                    password = CASE WHEN CAST($3 AS BIGINT) IS NULL THEN NULL ELSE password END
                 WHERE instance_id = $1 AND id = $2",
                vec![
                    state.map(|state| state.updated_at).into(),
                    state.and_then(|state| state.compromised_at).into(),
                ],
            );
        }
        if before.totp_since != after.totp_since {
            set(
                "UPDATE credentials SET totp_since = CAST($3 AS BIGINT),
                    totp_secret = CASE WHEN CAST($3 AS BIGINT) IS NULL THEN NULL ELSE totp_secret END
                 WHERE instance_id = $1 AND id = $2",
                vec![after.totp_since.into()],
            );
        }
        if before.backup_codes_left != after.backup_codes_left {
            set(
                "UPDATE credentials SET backup_codes_left = CAST($3 AS BIGINT),
                    backup_codes = CASE WHEN CAST($3 AS BIGINT) = 0 THEN NULL ELSE backup_codes END
                 WHERE instance_id = $1 AND id = $2",
                vec![after.backup_codes_left.into()],
            );
        }
        if (before.failed_attempts, before.lockout_until) != (after.failed_attempts, after.lockout_until) {
            set(
                "UPDATE credentials SET failed_attempts = $3, lockout_until = $4
                 WHERE instance_id = $1 AND id = $2",
                vec![after.failed_attempts.into(), after.lockout_until.into()],
            );
        }
    }

    fn delete_credentials(&self, user: &User, statements: &mut Statements) {
        for sql in [
            "DELETE FROM credentials WHERE instance_id = $1 AND id = $2",
            "DELETE FROM guess_windows WHERE instance_id = $1 AND user_id = $2",
        ] {
            statements.push(Stmt::new(sql, vec![self.instance.as_str().into(), user.id.as_str().into()]));
        }
    }

    /// New secrets, after the state of the user says that there are.
    pub(crate) fn write_secrets(&self, secrets: &SecretWrite) -> impl Iterator<Item = Stmt> {
        let set = |sql: &'static str, text: &Option<String>| {
            let text = text.as_deref()?;
            let params = vec![self.instance.as_str().into(), secrets.user_id.as_str().into(), text.into()];
            Some(Stmt::new(sql, params).expect(1, Conflict::Stale))
        };
        let statements = [
            set("UPDATE credentials SET password = $3 WHERE instance_id = $1 AND id = $2", &secrets.password),
            set(
                "UPDATE credentials SET totp_secret = $3, totp_last_step = NULL
                 WHERE instance_id = $1 AND id = $2",
                &secrets.totp_secret,
            ),
            set(
                "UPDATE credentials SET backup_codes = $3 WHERE instance_id = $1 AND id = $2",
                &secrets.backup_codes,
            ),
        ];
        statements.into_iter().flatten()
    }

    /// One of a secret, before whatever else changes the row.
    pub(crate) fn use_secret(&self, user_id: &UserId, used: &SecretUse) -> Stmt {
        let mut params: Vec<Value> = vec![self.instance.as_str().into(), user_id.as_str().into()];
        let sql = match used {
            SecretUse::Rehashed { from, to } => {
                params.extend([from.as_str().into(), to.as_str().into()]);
                "UPDATE credentials SET password = $4
                 WHERE instance_id = $1 AND id = $2 AND password = $3"
            }
            SecretUse::TotpStep { secret, step } => {
                params.extend([secret.as_str().into(), (*step).into()]);
                "UPDATE credentials SET totp_last_step = $4
                 WHERE instance_id = $1 AND id = $2 AND totp_secret = $3 AND COALESCE(totp_last_step, -1) < $4"
            }
            SecretUse::BackupCode { from, to, left } => {
                params.extend([from.as_str().into(), to.as_deref().into(), (*left).into()]);
                "UPDATE credentials SET backup_codes = $4, backup_codes_left = $5
                 WHERE instance_id = $1 AND id = $2 AND backup_codes = $3"
            }
        };
        Stmt::new(sql, params).expect(1, Conflict::Stale)
    }

    /// What is remembered of a try: of the factor, and of all factors together.
    pub(crate) fn write_guess(&self, guess: &GuessWrite, at: UnixMillis) -> [Stmt; 2] {
        let failures: Vec<String> = guess.after.window.failures.iter().map(|at| at.0.to_string()).collect();
        let mut params: Vec<Value> = vec![
            self.instance.as_str().into(),
            guess.user_id.as_str().into(),
            guess.factor.as_str().into(),
            guess.after.window.version.into(),
            failures.join(" ").into(),
            at.into(),
        ];
        let window = if guess.before.version == 0 {
            Stmt::new(
                "INSERT INTO guess_windows (instance_id, user_id, factor, client_id, version, failures, changed_at)
                 VALUES ($1, $2, $3, '', $4, $5, $6)",
                params,
            )
            .on_unique(Conflict::Stale)
        } else {
            params.push(guess.before.version.into());
            Stmt::new(
                "UPDATE guess_windows SET version = $4, failures = $5, changed_at = $6
                 WHERE instance_id = $1 AND user_id = $2 AND factor = $3 AND client_id = '' AND version = $7",
                params,
            )
            .expect(1, Conflict::Stale)
        };
        // Who has a factor has a row. It is not made here, and is locked before the window is: a user who is deleted meanwhile
        // leaves nothing behind.
        let in_row = Stmt::new(
            "UPDATE credentials SET failed_attempts = $3, lockout_until = $4
             WHERE instance_id = $1 AND id = $2 AND failed_attempts = $5",
            vec![
                self.instance.as_str().into(),
                guess.user_id.as_str().into(),
                guess.after.failed_attempts.into(),
                guess.after.lockout_until.into(),
                guess.failed_before.into(),
            ],
        )
        .expect(1, Conflict::Stale);
        [in_row, window]
    }

    /// Forgets the failed tries of a factor. The window stays and moves on: a try that was loaded before is stale.
    pub(crate) fn reopen_factor(&self, user_id: &UserId, factor: GuessedFactor, at: UnixMillis) -> Stmt {
        Stmt::new(
            "UPDATE guess_windows SET version = version + 1, failures = '', changed_at = $4
             WHERE instance_id = $1 AND user_id = $2 AND factor = $3",
            vec![self.instance.as_str().into(), user_id.as_str().into(), factor.as_str().into(), at.into()],
        )
    }
}

impl Store {
    /// Removes what is remembered of factors that were not tried since `before`, which must be longer ago than failures
    /// count. A few hundred at a time; `false` once nothing is left.
    ///
    /// # Errors
    /// The database does not answer.
    pub(crate) async fn sweep_guesses(
        &self,
        before: UnixMillis,
        deadline: Instant,
    ) -> Result<bool, StoreError> {
        let oldest = Query::new(
            "SELECT instance_id, user_id, factor, client_id, version FROM guess_windows WHERE changed_at < $1
             ORDER BY changed_at LIMIT $2",
            vec![before.into(), STEP_ROWS_MAX.into()],
        );
        // A window that was written meanwhile stays.
        let delete = "DELETE FROM guess_windows
             WHERE instance_id = $1 AND user_id = $2 AND factor = $3 AND client_id = $4 AND version = $5";
        self.change_each(oldest, delete, deadline).await
    }
}
