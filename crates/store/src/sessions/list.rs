//! Lists of sessions.

use super::{SESSION_COLUMNS, sessions_from};
use crate::db::{Columns, Query, Value};
use crate::long_reads::Bound;
use crate::{Scoped, StoreError};
use std::time::Instant;
use verger_core::Session;
use verger_core::session::{Ending, SessionRules};
use verger_wire::{ClientId, UnixMillis, UserId};

/// Which sessions. All conditions that are given must hold.
#[derive(Clone, Debug, Default)]
pub struct SessionFilter {
    /// Of this user.
    pub user_id: Option<UserId>,
    /// On this client.
    pub client_id: Option<ClientId>,
    /// In this state.
    pub state: Option<SessionState>,
}

/// What has become of a session, as far as its row and the settings tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionState {
    /// It is active or pending.
    Open,
    /// It has ended like this.
    Over(Ending),
    /// It is in a state that none ever is.
    Never,
}

impl Scoped<'_> {
    /// A page of sessions, the newest first, and how many there are.
    ///
    /// # Errors
    /// The database does not answer in time, or a row is damaged.
    pub async fn sessions(
        &self,
        filter: &SessionFilter,
        rules: &SessionRules,
        now: UnixMillis,
        (limit, offset): (i64, i64),
        deadline: Instant,
    ) -> Result<(Vec<Session>, i64), StoreError> {
        let (condition, mut params) = self.condition(filter, rules, now);
        let count = Query::new(format!("SELECT COUNT(*) FROM sessions s WHERE {condition}"), params.clone());
        let (limit_at, offset_at) = (params.len() + 1, params.len() + 2);
        params.extend([limit.into(), offset.into()]);
        let page = Query::new(
            format!(
                "SELECT {SESSION_COLUMNS} FROM sessions s WHERE {condition}
                 ORDER BY s.created_at DESC, s.id DESC LIMIT ${limit_at} OFFSET ${offset_at}"
            ),
            params,
        );
        // An index leads to those of a user or of a client, and to the newest of all; not to those in a state.
        let is_bounded = filter.user_id.is_some() || filter.client_id.is_some() || filter.state.is_none();
        let bound = if is_bounded { Bound::Rows(limit.saturating_add(offset)) } else { Bound::None };
        let sessions = sessions_from(self.read(bound, page, deadline).await?)?;
        let count = self.read(Bound::None, count, deadline).await?.pop().unwrap_or_default();
        Ok((sessions, Columns::new("sessions", count).int("count")?))
    }

    fn condition(
        &self,
        filter: &SessionFilter,
        rules: &SessionRules,
        now: UnixMillis,
    ) -> (String, Vec<Value>) {
        let mut params: Vec<Value> = vec![self.instance.as_str().into()];
        let mut conditions = vec!["s.instance_id = $1".to_owned()];
        let mut param = |value: Value| {
            params.push(value);
            format!("${}", params.len())
        };
        if let Some(user) = &filter.user_id {
            conditions.push(format!("s.user_id = {}", param(user.as_str().into())));
        }
        if let Some(client) = &filter.client_id {
            conditions.push(format!("s.client_id = {}", param(client.as_str().into())));
        }
        // As `SessionRules` judges it.
        let mut time_is_over = || {
            let (at, began) = (param(now.into()), param(now.plus_ms(-rules.lifetime_ms).into()));
            let idle = rules.inactivity_ms.map(|limit_ms| param(now.plus_ms(-limit_ms).into()));
            let idle = idle.map_or_else(String::new, |idle| format!(" OR s.last_active_at <= {idle}"));
            format!("(s.expire_at <= {at} OR s.created_at <= {began}{idle})")
        };
        match filter.state {
            None => {}
            Some(SessionState::Never) => conditions.push("1 = 0".to_owned()),
            Some(SessionState::Open) => {
                conditions.push(format!("s.ending IS NULL AND NOT {}", time_is_over()));
            }
            Some(SessionState::Over(Ending::Expired)) => conditions
                .push(format!("(s.ending = 'expired' OR (s.ending IS NULL AND {}))", time_is_over())),
            Some(SessionState::Over(ending)) => {
                conditions.push(format!("s.ending = {}", param(ending.as_str().into())));
            }
        }
        (conditions.join(" AND "), params)
    }
}
