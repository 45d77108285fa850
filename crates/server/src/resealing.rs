//! Seals again with the newest of `code_keys` what a former key sealed, so that the former one can be left out.
//!
//! Idempotent, and safe to run in many servers at once: a text is replaced only if the row still has it.

use crate::app::App;
use crate::codes::Keyring;
use crate::secrets::Purpose;
use crate::{changes, instances, tokens, webhooks};
use std::time::{Duration, Instant};
use verger_store::{Sealed, SealedIn, StoreError, TRAIL_KEYS};
use verger_wire::{JwtTemplateId, SigningKeyId, UserId, WebhookEndpointId};

/// Maximum number of sealed texts per step.
const STEP_MAX: usize = 100;
/// The pause between two steps, in which other writers proceed.
const PAUSE: Duration = Duration::from_millis(20);
const STORE_TIMEOUT: Duration = Duration::from_secs(10);

/// Scans everything that is sealed, once. Without a former key there is nothing to seal again.
pub(crate) async fn reseal(app: &App) {
    match trail_keys(app).await {
        Ok(0) => {}
        Ok(count) => tell(count, TRAIL_KEYS),
        Err(error) => {
            tracing::warn!(%error, "the keys of the trail could not be kept; will retry");
        }
    }
    let (now, deadline) = (app.clock.now(), Instant::now() + STORE_TIMEOUT);
    if let Err(error) = app.store().end_time_of_both_versions(now, deadline).await {
        tracing::warn!(%error, "the trails could not be sealed; will retry");
    }
    if app.keyring.ids().count() < 2 {
        return;
    }
    for place in SealedIn::ALL {
        match reseal_in(app, place).await {
            Ok(0) => {}
            Ok(count) => tell(count, place.what()),
            Err(error) => {
                tracing::warn!(%error, what = place.what(), "data sealed with former keys could not be sealed again; will retry");
            }
        }
    }
}

fn tell(count: u64, what: &'static str) {
    metrics::counter!("verger_resealed_total", "what" => what).increment(count);
    tracing::info!(count, what, "data sealed with former keys was sealed again with the newest of code_keys");
}

/// Keeps the keys of the trail that were not kept yet, as when the first instance was created while the server ran, and seals
/// again those that a former key sealed; returns how many.
async fn trail_keys(app: &App) -> Result<u64, StoreError> {
    let deadline = || Instant::now() + STORE_TIMEOUT;
    crate::trail_keys::keep(app.store(), &app.keyring, app.clock.now(), deadline()).await?;
    let newest = app.keyring.ids().next();
    let mut count = 0;
    for stored in app.store().stored_trail_keys(deadline()).await? {
        let id = stored.key_id.as_str();
        let kept = app.keyring.open_trail_key(id, &stored.sealed);
        // One of `code_keys` that cannot be read there, because its key is gone or it was altered, is known all the same.
        let known = app.keyring.trail_keys().find(|(known, _)| *known == id).map(|(_, key)| key).or(kept);
        if Some(Keyring::key_of(&stored.sealed)) == newest && kept == known {
            continue;
        }
        if let Some(sealed) = known.and_then(|key| app.keyring.seal_trail_key(id, key)) {
            app.store().reseal_trail_key(&stored, sealed, deadline()).await?;
            count += 1;
        }
    }
    Ok(count)
}

/// Returns how many texts were sealed again.
async fn reseal_in(app: &App, place: SealedIn) -> Result<u64, StoreError> {
    let Some(newest) = app.keyring.ids().next() else { return Ok(0) };
    let mut last: Option<Sealed> = None;
    let mut count = 0;
    loop {
        let (now, deadline) = (app.clock.now(), Instant::now() + STORE_TIMEOUT);
        let step =
            app.store().sealed_with_others(place, newest, last.as_ref(), STEP_MAX, now, deadline).await?;
        let is_last = step.len() < STEP_MAX;
        last = step.last().cloned();
        // Texts whose key is missing, or that are damaged, stay as they are: `verger check` reports them.
        let resealed: Vec<_> = step
            .into_iter()
            .filter_map(|sealed| {
                let text = app.keyring.reseal(&bound_to(&sealed), &sealed.text)?;
                Some((sealed, text))
            })
            .collect();
        count += u64::try_from(resealed.len()).unwrap_or(0);
        if !resealed.is_empty() {
            app.store().reseal(resealed, Instant::now() + STORE_TIMEOUT).await?;
        }
        if is_last || app.is_closing() {
            return Ok(count);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// The associated data of a sealed text, so that it opens only in its own row.
fn bound_to(sealed: &Sealed) -> String {
    match sealed.place {
        SealedIn::Messages | SealedIn::Events => sealed.subject.clone(),
        SealedIn::Changes | SealedIn::UnreadChanges => changes::seal_name(&sealed.subject),
        SealedIn::WebhookSecrets | SealedIn::FormerWebhookSecrets => {
            webhooks::seal_name(&WebhookEndpointId::from(sealed.id.as_str()))
        }
        SealedIn::TemplateKeys => tokens::seal_name(&JwtTemplateId::from(sealed.id.as_str())),
        SealedIn::SigningKeys => instances::seal_name(&SigningKeyId::from(sealed.id.as_str())),
        SealedIn::Passwords => Purpose::Password.seal_name(&UserId::from(sealed.id.as_str())),
        SealedIn::TotpSecrets => Purpose::Totp.seal_name(&UserId::from(sealed.id.as_str())),
        SealedIn::BackupCodes => Purpose::BackupCodes.seal_name(&UserId::from(sealed.id.as_str())),
    }
}
