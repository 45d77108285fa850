//! Limits on sending: countries, counts, cost, and codes that nobody enters. Without them anybody who can request codes
//! can spend the operator's money (docs/security-tests.md, row 31).

use crate::sending_reasons::{BUDGET_SPENT, COUNTRY_NOT_ALLOWED, COUNTRY_SUSPENDED, SENDING_LIMIT};
use serde::Deserialize;
use std::collections::BTreeMap;
use verger_core::time::remaining_ms;
use verger_core::{Identifier, User, phone_number};
use verger_store::Counted;
use verger_wire::{Refused, UnixMillis};

const HOUR_MS: i64 = 60 * 60 * 1000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// Amounts are counted in millionths of a dollar.
const MICROS: f64 = 1_000_000.0;

pub(crate) const PER_RECIPIENT: &str = "recipient";
pub(crate) const PER_USER: &str = "user";
pub(crate) const PER_COUNTRY: &str = "country";
pub(crate) const PER_INSTANCE: &str = "instance";
pub(crate) const SPENT: &str = "spent";
pub(crate) const SENT: &str = "sent";
pub(crate) const VERIFIED: &str = "verified";
pub(crate) const UNVERIFIED: &str = "unverified";
const NOTED: &str = "noted";
const NOTED_RECIPIENT: &str = "noted_recipient";
pub(crate) const ALLOWED_COUNTRIES: &str = "allowed_countries";

const MINUTE_MS: i64 = 60 * 1000;
/// Refusals per instance and minute that are written to the audit trail. The metrics count all.
const NOTED_A_MINUTE_MAX: i64 = 100;

/// What to do when too many codes for a country are never entered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnverifiedMode {
    /// Send no more codes there until the ratio recovers.
    #[default]
    Deny,
    /// Log and count it only.
    Record,
    /// Do not check.
    Off,
}

/// Why a message is not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SendingRefusal {
    /// Text messages to this country are not allowed.
    Country {
        /// ISO 3166-1 alpha-2, or `001` for numbers that belong to no country.
        alpha2: String,
        /// Calling code of the country, for example 44.
        calling_code: Option<i32>,
    },
    /// A limit is used up.
    Limit {
        /// The limit, as metrics and the audit trail name it.
        scope: &'static str,
        /// Seconds until there is room again; 0: never with this configuration.
        retry_after_seconds: u32,
    },
}

impl SendingRefusal {
    /// The name of the limit in metrics, log and audit trail.
    pub(crate) fn limit(&self) -> &'static str {
        match self {
            Self::Country { .. } => ALLOWED_COUNTRIES,
            Self::Limit { scope, .. } => scope,
        }
    }

    /// The refusal that the client gets.
    pub(crate) fn refused(&self) -> Refused {
        let (scope, retry_after_seconds) = match self {
            Self::Country { alpha2, calling_code } => {
                let calling_code = calling_code.map(|code| code.to_string()).unwrap_or_default();
                let refused = Refused::new(&COUNTRY_NOT_ALLOWED).meta("alpha2", alpha2.as_str());
                return refused.meta("country_code", calling_code);
            }
            Self::Limit { scope, retry_after_seconds } => (*scope, *retry_after_seconds),
        };
        let reason = match scope {
            SPENT => &BUDGET_SPENT,
            UNVERIFIED => &COUNTRY_SUSPENDED,
            _ => {
                let refused = Refused::new(&SENDING_LIMIT).with("scope", scope);
                return refused.retry_after(retry_after_seconds.max(1));
            }
        };
        let retry_after_seconds = (retry_after_seconds > 0).then_some(retry_after_seconds);
        Refused { retry_after_seconds, ..Refused::new(reason) }
    }
}

/// Section `[sending]`. Counts include text messages and emails, per clock hour; 0 is no limit.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SendingConfig {
    /// Countries that text messages may go to, ISO 3166-1 alpha-2; `*` is all. Default: US and CA.
    pub allowed_countries: Vec<String>,
    /// Messages to one number or address an hour. Default: 20.
    pub per_recipient: u32,
    /// Messages for one user an hour. Default: 40.
    pub per_user: u32,
    /// Text messages to one country an hour. Default: 1000.
    pub per_country: u32,
    /// Messages of one instance an hour. Default: 5000.
    pub per_instance: u32,
    /// Maximum cost of an instance's text messages per UTC day, in dollars. Default: 100.
    pub daily_budget: f64,
    /// Price of one segment of a text message where `prices` has none, in dollars. Default: 0.05.
    pub default_price: f64,
    /// Price of one segment of a text message by country, in dollars.
    pub prices: BTreeMap<String, f64>,
    /// What to do when too many codes for a country are never entered. Default: deny.
    pub unverified: UnverifiedMode,
    /// Codes of one country that may stay unentered over `unverified_days`. Default: 100.
    pub unverified_allowance: u32,
    /// For each code that was entered, this many more. Default: 2.
    pub unverified_per_verified: u32,
    /// The period of the comparison in days, including today. Default: 3.
    pub unverified_days: u32,
}

impl Default for SendingConfig {
    fn default() -> Self {
        Self {
            allowed_countries: vec!["US".to_owned(), "CA".to_owned()],
            per_recipient: 20,
            per_user: 40,
            per_country: 1_000,
            per_instance: 5_000,
            daily_budget: 100.0,
            default_price: 0.05,
            prices: BTreeMap::new(),
            unverified: UnverifiedMode::Deny,
            unverified_allowance: 100,
            unverified_per_verified: 2,
            unverified_days: 3,
        }
    }
}

impl SendingConfig {
    /// No limits at all: for development.
    pub fn unlimited() -> Self {
        Self {
            allowed_countries: vec!["*".to_owned()],
            per_recipient: 0,
            per_user: 0,
            per_country: 0,
            per_instance: 0,
            daily_budget: 0.0,
            unverified: UnverifiedMode::Off,
            ..Self::default()
        }
    }

    /// # Errors
    /// The first invalid value, by its key.
    pub fn check(&self) -> Result<(), String> {
        let money = self.prices.values().chain([&self.daily_budget, &self.default_price]);
        if money.clone().any(|dollars| !(0.0..=1_000_000.0).contains(dollars)) {
            return Err("[sending] prices and daily_budget must be from 0 to 1000000 dollars".to_owned());
        }
        if let Some(bad) = self.allowed_countries.iter().find_map(|text| not_a_country(text)) {
            return Err(format!("[sending] allowed_countries: {bad}, or \"*\" for all"));
        }
        if let Some(bad) = self.prices.keys().find_map(|text| not_a_country(text)) {
            return Err(format!("[sending] prices: {bad}"));
        }
        if self.prices.contains_key("*") {
            return Err(
                "[sending] prices: \"*\" is no country: the price of all others is default_price".to_owned()
            );
        }
        if !(1..=30).contains(&self.unverified_days) {
            return Err("[sending] unverified_days must be from 1 to 30".to_owned());
        }
        Ok(())
    }

    /// The counters of one more message. Limits hold even for concurrent requests: the store refuses what does not fit.
    ///
    /// # Errors
    /// A text message to a country that is not allowed, or a limit that is so low that one message does not fit.
    pub(crate) fn charge(
        &self,
        user: &User,
        to: &Identifier,
        segments: usize,
        now: UnixMillis,
    ) -> Result<Vec<Counted>, SendingRefusal> {
        let hour = period(now, HOUR_MS);
        let mut counted = Vec::new();
        let mut count = |scope: &'static str, subject: &str, limit: u32| {
            if limit > 0 {
                let limit = Some(i64::from(limit));
                counted.push(Counted {
                    scope,
                    subject: subject.to_owned(),
                    period_start: hour,
                    add: 1,
                    limit,
                });
            }
        };
        count(PER_RECIPIENT, to.as_str(), self.per_recipient);
        count(PER_USER, user.id.as_str(), self.per_user);
        count(PER_INSTANCE, "", self.per_instance);
        let Identifier::Phone(number) = to else { return Ok(counted) };
        let region = number.region().unwrap_or("001");
        let is_allowed = self.allowed_countries.iter().any(|allowed| allowed == "*" || allowed == region);
        if !is_allowed {
            let calling_code = number.calling_code();
            return Err(SendingRefusal::Country { alpha2: region.to_owned(), calling_code });
        }
        count(PER_COUNTRY, region, self.per_country);
        if self.daily_budget > 0.0 {
            let price = self.prices.get(region).copied().unwrap_or(self.default_price);
            let add = micros(price * segments as f64);
            let limit = micros(self.daily_budget);
            if add > limit {
                return Err(SendingRefusal::Limit { scope: SPENT, retry_after_seconds: 0 });
            }
            let period_start = period(now, DAY_MS);
            counted.push(Counted {
                scope: SPENT,
                subject: String::new(),
                period_start,
                add,
                limit: Some(limit),
            });
        }
        counted.extend(self.sent(to, now));
        Ok(counted)
    }

    /// Counts a code that was sent, for the comparison with those that were entered.
    fn sent(&self, to: &Identifier, now: UnixMillis) -> Option<Counted> {
        self.of_country(SENT, to, now)
    }

    /// Counts a code that was entered.
    pub(crate) fn verified(&self, to: &Identifier, now: UnixMillis) -> Option<Counted> {
        self.of_country(VERIFIED, to, now)
    }

    fn of_country(&self, scope: &'static str, to: &Identifier, now: UnixMillis) -> Option<Counted> {
        let Identifier::Phone(number) = to else { return None };
        if self.unverified == UnverifiedMode::Off || number.is_test() {
            return None;
        }
        let subject = number.region().unwrap_or("001").to_owned();
        Some(Counted { scope, subject, period_start: period(now, DAY_MS), add: 1, limit: None })
    }

    /// The scope of the comparison, and its start.
    pub(crate) fn compared<'a>(&self, to: &'a Identifier, now: UnixMillis) -> Option<(&'a str, UnixMillis)> {
        let Identifier::Phone(number) = to else { return None };
        if self.unverified == UnverifiedMode::Off {
            return None;
        }
        let days = i64::from(self.unverified_days) - 1;
        Some((number.region().unwrap_or("001"), period(now, DAY_MS).plus_ms(-days * DAY_MS)))
    }

    /// Whether so many codes were not entered that no more should be sent.
    pub(crate) fn is_pumped(&self, sent: i64, verified: i64) -> bool {
        let allowed = i64::from(self.unverified_allowance)
            .saturating_add(verified.saturating_mul(i64::from(self.unverified_per_verified)));
        sent.saturating_sub(verified) >= allowed
    }
}

/// The counters of a refusal in the audit trail: one a minute per recipient and limit, and a bounded number in total, so
/// that excessive requests cannot fill the trail.
pub(crate) fn noted(limit: &str, recipient: &str, now: UnixMillis) -> [Counted; 2] {
    let counted = |scope, subject, most| Counted {
        scope,
        subject,
        period_start: period(now, MINUTE_MS),
        add: 1,
        limit: Some(most),
    };
    [
        counted(NOTED_RECIPIENT, format!("{limit} {recipient}"), 1),
        counted(NOTED, String::new(), NOTED_A_MINUTE_MAX),
    ]
}

/// Seconds until the counter of `scope` starts again.
pub(crate) fn retry_after_seconds(scope: &str, now: UnixMillis) -> u32 {
    let length = period_ms(scope);
    let left_ms = remaining_ms(period(now, length).plus_ms(length), now, length);
    u32::try_from((left_ms + 999) / 1000).unwrap_or(u32::MAX)
}

/// Why a country code is invalid; `*` stands for all countries.
fn not_a_country(text: &str) -> Option<String> {
    if text == "*" || phone_number::is_region(text) {
        return None;
    }
    let upper = text.to_ascii_uppercase();
    // Common mistakes for ISO 3166-1 codes.
    let meant = match upper.as_str() {
        "UK" => Some("GB"),
        "EL" => Some("GR"),
        _ => Some(upper.as_str()).filter(|upper| phone_number::is_region(upper)),
    };
    Some(match meant {
        Some(meant) => format!("{text:?}: write \"{meant}\""),
        None => format!("{text:?} is no country: two capital letters of ISO 3166-1, such as \"US\""),
    })
}

/// Start of the period of `scope` that contains `now`.
pub(crate) fn period_start(scope: &str, now: UnixMillis) -> UnixMillis {
    period(now, period_ms(scope))
}

fn period_ms(scope: &str) -> i64 {
    match scope {
        SPENT | UNVERIFIED | SENT | VERIFIED => DAY_MS,
        NOTED | NOTED_RECIPIENT => MINUTE_MS,
        _ => HOUR_MS,
    }
}

fn period(now: UnixMillis, length: i64) -> UnixMillis {
    UnixMillis(now.0 - now.0.rem_euclid(length))
}

#[expect(clippy::cast_possible_truncation, reason = "`check` keeps amounts below a million dollars")]
fn micros(dollars: f64) -> i64 {
    (dollars * MICROS).ceil() as i64
}
