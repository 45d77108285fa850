//! The keys whose tokens are accepted.

use crate::answer::Answer;
use crate::app::App;
use crate::call::Call;
use crate::caller::SecretKey;
use crate::error::Failure;
use crate::instances::published;
use crate::operation::operations;
use std::time::Instant;
use verger_wire::InstanceId;
use verger_wire::input::NoParams;
use verger_wire::instance::JsonWebKeySet;

/// For how long verifiers and what is between may keep the set, in seconds: a new key is published long before it signs.
pub(crate) const JWKS_CACHE_SECONDS: u32 = 60;

operations! {
    /// Read the key set
    ///
    /// The public keys whose tokens are accepted, as a JSON Web Key Set (RFC 7517). Never empty, and never with a private
    /// field. Verify with the key that the token's `kid` names.
    GetJWKS: GET "/v1/jwks" in "JWKS" {
        caller: SecretKey,
        input: NoParams,
        output: JsonWebKeySet, "The keys.",
        adds: [400, 401, 422],
        run: jwks,
    }
}

async fn jwks(call: Call<SecretKey, (), NoParams>) -> Result<Answer, Failure> {
    call.read()?.finish()?;
    key_set(&call.app, &call.context.instance.id, call.context.deadline).await
}

/// As of now, on every server: nothing is cached here.
pub(crate) async fn key_set(app: &App, instance: &InstanceId, deadline: Instant) -> Result<Answer, Failure> {
    let set = app.key_set(instance, deadline).await?;
    let answer = Answer::json(&published(&set, app.clock.now())?)?;
    Ok(Answer { cache_seconds: Some(JWKS_CACHE_SECONDS), ..answer })
}
