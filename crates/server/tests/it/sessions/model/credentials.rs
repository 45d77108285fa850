//! What happens to the credentials of users: some of it ends sessions, some makes them pending, some is counted.

use super::{Account, HOUR_MS, Model};
use crate::support::Answer;
use rand::RngExt as _;
use serde_json::{Value, json};
use verger_credentials::TotpSecret;

const TOTP_SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
const STEP_MS: i64 = 30_000;
/// How many failures within an hour close a factor.
const FAILURES_MAX: usize = 10;
/// How many requests use one code at once.
const AT_ONCE: usize = 4;

impl Account {
    fn is_closed(&self, factor: &str, now: i64) -> bool {
        let failures = self.failures.get(factor).into_iter().flatten();
        failures.filter(|at| now - **at < HOUR_MS).count() >= FAILURES_MAX
    }

    fn wrong(&mut self, factor: &'static str, now: i64) {
        self.failures.entry(factor).or_default().push(now);
        self.failed_attempts += 1;
    }

    fn right(&mut self, factor: &'static str) {
        self.failures.remove(factor);
    }

    /// What a try of a factor that the user has is refused for before it is counted.
    fn refusal(&self, factor: &str, now: i64) -> Option<(u16, &'static str)> {
        if self.is_banned {
            Some((403, "user_banned"))
        } else if self.is_closed(factor, now) {
            Some((429, "too_many_requests"))
        } else {
            None
        }
    }
}

impl Model {
    pub(super) async fn set_compromised(&mut self, user: String) {
        let revokes = self.rng.random_bool(0.5);
        let body = if revokes || self.rng.random_bool(0.5) {
            json!({ "revoke_all_sessions": revokes })
        } else {
            json!({})
        };
        let path = format!("/v1/users/{user}/password/set_compromised");
        let answer = self.act_or_rehearse("POST", &path, &body).await;
        if self.accounts[&user].password.is_none() {
            assert_eq!(answer.refusal(), (400, "no_password_set"));
            return;
        }
        answer.ok();
        self.account(&user).is_compromised = true;
        if revokes {
            self.end(&user, "revoked");
        }
    }

    pub(super) async fn unset_compromised(&mut self, user: String) {
        let path = format!("/v1/users/{user}/password/unset_compromised");
        let answer = self.act("POST", &path, &Value::Null).await;
        if self.accounts[&user].password.is_none() {
            assert_eq!(answer.refusal(), (400, "no_password_set"));
            return;
        }
        answer.ok();
        self.account(&user).is_compromised = false;
    }

    pub(super) async fn set_password(&mut self, user: String) {
        let password = format!("a rare one of mine {}", self.next());
        let mut body = json!({ "password": password });
        let signs_out = self.rng.random_bool(0.5);
        if signs_out || self.rng.random_bool(0.5) {
            body["sign_out_of_other_sessions"] = json!(signs_out);
        }
        self.act_or_rehearse("PATCH", &format!("/v1/users/{user}"), &body).await.ok();
        let account = self.account(&user);
        (account.password, account.is_compromised) = (Some(password), false);
        account.failures.remove("password");
        if signs_out {
            self.end(&user, "revoked");
        }
    }

    pub(super) async fn remove_password(&mut self, user: String) {
        let signs_out = self.rng.random_bool(0.5);
        let body = if signs_out { json!({ "sign_out_of_other_sessions": true }) } else { json!({}) };
        let path = format!("/v1/users/{user}/remove_password");
        self.act_or_rehearse("POST", &path, &body).await.ok();
        let account = self.account(&user);
        let had_password = account.password.take().is_some();
        account.is_compromised = false;
        if signs_out && had_password {
            self.end(&user, "revoked");
        }
    }

    pub(super) async fn change_second_factors(&mut self, user: String) {
        let remove = |what: &str| ("DELETE", format!("/v1/users/{user}/{what}"));
        let (method, path) = match self.rng.random_range(0..6) {
            0 => remove("totp"),
            1 => remove("backup_code"),
            2 => remove("mfa"),
            _ => ("PATCH", format!("/v1/users/{user}")),
        };
        if method == "DELETE" {
            self.act_or_rehearse(method, &path, &Value::Null).await.ok();
            let account = self.account(&user);
            account.backup_codes.clear();
            if !path.ends_with("backup_code") {
                account.has_totp = false;
            }
            return;
        }
        let at = self.next();
        let codes: Vec<_> = (0..3).map(|of| format!("code-{at:06}-{of}")).collect();
        let body = json!({ "totp_secret": TOTP_SECRET, "backup_codes": codes });
        self.act_or_rehearse(method, &path, &body).await.ok();
        let account = self.account(&user);
        (account.has_totp, account.used_step, account.backup_codes) = (true, None, codes);
        account.failures.retain(|factor, _| *factor == "password");
    }

    pub(super) async fn unlock(&mut self, user: String) {
        self.act("POST", &format!("/v1/users/{user}/unlock"), &json!({})).await.ok();
        let account = self.account(&user);
        account.failed_attempts = 0;
        account.failures.clear();
    }

    pub(super) async fn guess_password(&mut self, user: String) {
        let is_right = self.rng.random_bool(0.4);
        let known = self.accounts[&user].password.clone();
        let typed = known.clone().filter(|_| is_right).unwrap_or_else(|| "a wrong guess".to_owned());
        // Often enough in a row for the factor to close.
        let times = if is_right { 1 } else { self.rng.random_range(1..8) };
        for _ in 0..times {
            let body = json!({ "password": typed });
            let answer = self.act("POST", &format!("/v1/users/{user}/verify_password"), &body).await;
            let now = self.app.now().0;
            let account = self.account(&user);
            if known.is_none() {
                assert_eq!(answer.refusal(), (400, "no_password_set"));
            } else if let Some(refusal) = account.refusal("password", now) {
                assert_eq!(answer.refusal(), refusal);
            } else if !is_right {
                assert_eq!(answer.refusal(), (422, "incorrect_password"));
                account.wrong("password", now);
            } else {
                account.right("password");
                if account.is_compromised {
                    assert_eq!(answer.refusal(), (422, "form_password_compromised"));
                } else {
                    answer.ok();
                }
            }
        }
    }

    /// A code of the authenticator or a backup code, right or wrong, sometimes several times at once.
    pub(super) async fn guess_code(&mut self, user: String) {
        let now = self.app.now().0;
        let shown = TotpSecret::parse(TOTP_SECRET).unwrap().code_at(now);
        let of_backup = self.rng.random_bool(0.5);
        let is_typed_right = self.rng.random_bool(0.7);
        let backup_code = Self::pick(&mut self.rng, self.accounts[&user].backup_codes.iter());
        let typed = match (of_backup, is_typed_right) {
            (true, true) => backup_code.unwrap_or_else(|| "code-999999-8".to_owned()),
            (true, false) => "code-999999-9".to_owned(),
            (false, true) => shown,
            (false, false) => format!("{:06}", (shown.parse::<u32>().unwrap() + 1) % 1_000_000),
        };
        let at_once = if self.rng.random_bool(0.3) { AT_ONCE } else { 1 };
        let answers = self.try_code(&user, &typed, at_once).await;
        // In the order in which they had their turns: the right one first, if there is one.
        for answer in answers {
            let step = now / STEP_MS;
            let account = self.account(&user);
            let factor = if of_backup { "backup_codes" } else { "totp" };
            let has_factor = if of_backup { !account.backup_codes.is_empty() } else { account.has_totp };
            if !has_factor {
                let expected =
                    if account.has_totp { (422, "totp_invalid_length") } else { (400, "totp_disabled") };
                assert_eq!(answer.refusal(), expected, "{typed}");
                continue;
            }
            if let Some(refusal) = account.refusal(factor, now) {
                assert_eq!(answer.refusal(), refusal);
                continue;
            }
            let is_right = match of_backup {
                true => account.backup_codes.contains(&typed),
                false => is_typed_right && account.used_step.is_none_or(|used| used < step),
            };
            if is_right {
                assert_eq!(answer.ok()["verified"], true);
                account.right(factor);
                account.backup_codes.retain(|code| *code != typed);
                if !of_backup {
                    account.used_step = Some(step);
                }
            } else {
                assert_eq!(answer.refusal(), (422, "totp_incorrect_code"), "{typed}");
                account.wrong(factor, now);
            }
        }
    }

    /// Types a code so many times at once. The right answers come first, the refusals that nothing was counted for last.
    async fn try_code(&mut self, user: &str, typed: &str, at_once: usize) -> Vec<Answer> {
        let mut tries = tokio::task::JoinSet::new();
        for _ in 0..at_once {
            let key = format!("try {}", self.next());
            let (app, path) = (self.app.clone(), format!("/v1/users/{user}/verify_totp"));
            let body = json!({ "code": typed });
            tries.spawn(async move {
                loop {
                    let call = app.call("POST", &path).header("idempotency-key", &key).json(&body);
                    let answer = call.send().await;
                    if answer.status != 503 {
                        return answer;
                    }
                }
            });
        }
        let mut answers = tries.join_all().await;
        answers.sort_by_key(|answer| match (answer.status, answer.code()) {
            (200, _) => 0,
            (422, "totp_incorrect_code") => 1,
            _ => 2,
        });
        answers
    }
}
