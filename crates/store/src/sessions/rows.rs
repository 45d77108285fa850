//! Sessions as they are read from rows and written to new ones.

use crate::StoreError;
use crate::aggregate::Aggregate as _;
use crate::db::{Columns, Row, Value};
use serde::{Deserialize, Serialize};
use verger_core::Session;
use verger_core::session::{Activity, End, Ending, Origin, Proofs};
use verger_wire::json::{Json, Object, parse};
use verger_wire::{InstanceId, SessionId, UnixMillis};

/// The columns of a session, in the order in which [`session_from`] reads them.
macro_rules! session_columns {
    () => {
        "s.id, s.version, s.user_id, s.client_id, s.origin, s.actor, s.second_factor_demanded, s.first_factor_at,
         s.second_factor_at, s.ending, s.ended_at, s.last_active_organization_id, s.last_active_at, s.activity,
         s.expire_at, s.abandon_at, s.created_at, s.updated_at"
    };
}

pub(super) use session_columns;

/// How many there are.
pub(super) const SESSION_COLUMN_COUNT: usize = 18;
/// For statements that are put together at run time.
pub(super) const SESSION_COLUMNS: &str = session_columns!();

/// An activity in the text of a row: short names, nothing for what is not known.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct ActivityForm {
    #[serde(rename = "d", skip_serializing_if = "Option::is_none")]
    device_type: Option<String>,
    #[serde(rename = "m", skip_serializing_if = "std::ops::Not::not")]
    is_mobile: bool,
    #[serde(rename = "b", skip_serializing_if = "Option::is_none")]
    browser_name: Option<String>,
    #[serde(rename = "v", skip_serializing_if = "Option::is_none")]
    browser_version: Option<String>,
    #[serde(rename = "a", skip_serializing_if = "Option::is_none")]
    ip_address: Option<String>,
}

/// The text of an activity.
pub(super) fn activity_text(activity: &Activity) -> String {
    let form = ActivityForm {
        device_type: activity.device_type.clone(),
        is_mobile: activity.is_mobile,
        browser_name: activity.browser_name.clone(),
        browser_version: activity.browser_version.clone(),
        ip_address: activity.ip_address.clone(),
    };
    // Texts and a flag: nothing that JSON does not take.
    serde_json::to_string(&form).unwrap_or_default()
}

/// Every column, beginning with the instance.
pub(super) fn values_of(session: &Session, instance: &InstanceId) -> Vec<Value> {
    let origin = match session.origin {
        Origin::SignIn => "sign_in",
        Origin::ActorToken { .. } => "actor_token",
        Origin::BackendApi => "backend_api",
    };
    vec![
        instance.as_str().into(),
        session.id.as_str().into(),
        session.version.into(),
        session.user_id.as_str().into(),
        session.client_id.as_str().into(),
        origin.into(),
        session.actor().map(Object::to_text).into(),
        session.second_factor_demanded.into(),
        session.proofs.first.into(),
        session.proofs.second.into(),
        session.end.map(|end| Ending::as_str(end.how)).into(),
        session.end.map(|end| end.at).into(),
        session.last_active_organization_id.as_deref().into(),
        session.last_active_at.into(),
        session.activity.as_ref().map(activity_text).into(),
        session.expire_at.into(),
        session.abandon_at.into(),
        session.created_at.into(),
        session.updated_at.into(),
    ]
}

pub(crate) fn sessions_from(rows: Vec<Row>) -> Result<Vec<Session>, StoreError> {
    rows.into_iter().map(session_from).collect()
}

pub(super) fn session_from(row: Row) -> Result<Session, StoreError> {
    let mut columns = Columns::new("sessions", row);
    let id: SessionId = columns.id("id")?.into();
    let version = columns.int("version")?;
    let user_id = columns.text("user_id")?.into();
    let client_id = columns.text("client_id")?.into();
    let origin = columns.text("origin")?;
    let actor = object(&mut columns, "actor")?;
    let origin = match (origin.as_str(), actor) {
        ("sign_in", None) => Origin::SignIn,
        ("backend_api", None) => Origin::BackendApi,
        ("actor_token", Some(actor)) => Origin::ActorToken { actor },
        _ => return Err(columns.corrupt("origin")),
    };
    let second_factor_demanded = columns.flag("second_factor_demanded")?;
    let mut moment = |column| Ok::<_, StoreError>(columns.optional_int(column)?.map(UnixMillis));
    let proofs = Proofs { first: moment("first_factor_at")?, second: moment("second_factor_at")? };
    let ending = columns.optional_text("ending")?;
    let ended_at = columns.optional_int("ended_at")?.map(UnixMillis);
    let end = match (ending.as_deref().map(Ending::parse), ended_at) {
        (None, None) => None,
        (Some(Some(how)), Some(at)) => Some(End { how, at }),
        _ => return Err(columns.corrupt("ending")),
    };
    let session = Session {
        id,
        version,
        user_id,
        client_id,
        origin,
        second_factor_demanded,
        proofs,
        end,
        last_active_organization_id: columns.optional_text("last_active_organization_id")?,
        last_active_at: UnixMillis(columns.int("last_active_at")?),
        activity: activity_from(&mut columns)?,
        expire_at: UnixMillis(columns.int("expire_at")?),
        abandon_at: UnixMillis(columns.int("abandon_at")?),
        created_at: UnixMillis(columns.int("created_at")?),
        updated_at: UnixMillis(columns.int("updated_at")?),
    };
    session.checked()
}

fn activity_from(columns: &mut Columns) -> Result<Option<Activity>, StoreError> {
    let Some(text) = columns.optional_text("activity")? else { return Ok(None) };
    let form: ActivityForm = serde_json::from_str(&text).map_err(|_| columns.corrupt("activity"))?;
    let ActivityForm { device_type, is_mobile, browser_name, browser_version, ip_address } = form;
    Ok(Some(Activity { device_type, is_mobile, browser_name, browser_version, ip_address }))
}

/// An object of JSON in a column that can be empty.
pub(crate) fn object(columns: &mut Columns, column: &'static str) -> Result<Option<Object>, StoreError> {
    match columns.optional_text(column)?.map(|text| parse(&text)) {
        None => Ok(None),
        Some(Ok(Json::Object(object))) => Ok(Some(object)),
        Some(_) => Err(columns.corrupt(column)),
    }
}
