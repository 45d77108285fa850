//! What a change row keeps of a session: the session as it was shown after the change, and its whole user, of whom the
//! published document says that every event of a session tells.

use super::kept::Undecodable;
use super::user::UserStates;
use crate::render;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};
use verger_core::session::event_type;
use verger_core::{Session, Settings, User};
use verger_wire::session::Session as WireSession;
use verger_wire::{UnixMillis, UserId};

/// A session before and after a change, with what says what it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SessionChange<'a> {
    /// `None`: it begins.
    pub(crate) before: Option<&'a Session>,
    /// What it is after the change.
    pub(crate) after: &'a Session,
    /// Its user, as of after the change.
    pub(crate) user: &'a User,
    /// What the instance is set to.
    pub(crate) settings: &'a Settings,
}

/// The form of the row.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SessionForm {
    #[serde(rename = "s")]
    session: WireSession,
    #[serde(rename = "u")]
    user: UserStates,
}

impl SessionChange<'_> {
    /// The `type` of the event, if there is something to tell.
    pub(super) fn event_type(&self, now: UnixMillis) -> Option<&'static str> {
        let status = crate::sessions::status_of(self.after, self.settings, Some(self.user), now);
        event_type(self.before, Some(self.after), status)
    }

    /// The form of the row.
    pub(super) fn form(&self, now: UnixMillis) -> Result<SessionForm, serde_json::Error> {
        let session = render::sessions::session(self.after, self.settings, Some(self.user), now);
        // The row has the version that the user has: nothing came before it.
        Ok(SessionForm { session, user: UserStates::of(None, Some(self.user), Vec::new())? })
    }
}

impl SessionForm {
    /// The `data` of the event. What a session asks of its user is no part of it.
    pub(super) fn data(
        &self,
        user_id: &UserId,
        user_version: i64,
        at: UnixMillis,
    ) -> Result<Box<RawValue>, Undecodable> {
        let (_, user) = self.user.clone().states(user_id, user_version)?;
        let user = user.ok_or(Undecodable::Damaged("the user"))?;
        let Value::Object(mut data) = serde_json::to_value(&self.session)? else {
            return Err(Undecodable::Damaged("the session"));
        };
        data.remove("tasks");
        let mut data: Map<String, Value> = data;
        data.insert("user".to_owned(), serde_json::to_value(render::user(&user, at))?);
        Ok(to_raw_value(&data)?)
    }
}
