//! Clients: browsers and devices.

use crate::input::Input;
use crate::schema::Schema;
use crate::session::Session;
use crate::{UnixMillis, debug_without_secrets};
use serde::{Deserialize, Serialize};

/// A browser or a device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub struct Client {
    /// Always `client`.
    #[wire(constant = "client")]
    pub object: String,
    /// `client_…`.
    #[wire(example = "client_3Dw7IkPZ9B5CmVCTr97vkpOFxVl")]
    pub id: String,
    /// The ids of its sessions that are active or pending.
    #[wire(example = ["sess_3Dw7JOBTomM81IWXkXCZt7PRTFt"])]
    pub session_ids: Vec<String>,
    /// Its sessions that are active or pending, the oldest first.
    pub sessions: Vec<Session>,
    /// The sign-in under way.
    #[wire(nullable)]
    pub sign_in_id: Option<String>,
    /// The sign-up under way.
    #[wire(nullable)]
    pub sign_up_id: Option<String>,
    /// The session that was used last.
    #[wire(nullable, example = "sess_3Dw7JOBTomM81IWXkXCZt7PRTFt")]
    pub last_active_session_id: Option<String>,
    /// With what its user last signed in, such as `phone_code`.
    #[wire(nullable, example = "phone_code")]
    pub last_authentication_strategy: Option<String>,
    /// When somebody last signed in or out on it, in Unix milliseconds of real time, also where the clock of the instance was
    /// moved: browsers compare it with the tokens that they have.
    pub updated_at: UnixMillis,
    /// When it was created, in Unix milliseconds.
    pub created_at: UnixMillis,
}

/// `POST /v1/clients/verify`.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Input)]
#[wire(body_required)]
pub struct VerifyClientParams {
    /// The value of the cookie `__client`.
    #[wire(required, example = "client_secret_WjZ3c0d1…")]
    pub token: String,
}

debug_without_secrets! { VerifyClientParams {  } without { token } }
