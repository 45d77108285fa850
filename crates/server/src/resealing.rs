//! Seals again with the newest of `code_keys` what a former key sealed, so that the former one can be left out.
//!
//! Idempotent, and safe to run in many servers at once: a text is replaced only if the row still has it.

use crate::app::App;
use crate::webhooks::seal_name;
use std::time::{Duration, Instant};
use verger_store::{Sealed, SealedIn, StoreError};
use verger_wire::WebhookEndpointId;

/// Maximum number of sealed texts per step.
const STEP_MAX: usize = 100;
/// The pause between two steps, in which other writers proceed.
const PAUSE: Duration = Duration::from_millis(20);
const STORE_TIMEOUT: Duration = Duration::from_secs(10);

/// Scans everything that is sealed, once. Without a former key there is nothing to do.
pub(crate) async fn reseal(app: &App) {
    if app.keyring.ids().count() < 2 {
        return;
    }
    for place in SealedIn::ALL {
        match reseal_in(app, place).await {
            Ok(0) => {}
            Ok(count) => {
                metrics::counter!("verger_resealed_total", "what" => place.what()).increment(count);
                tracing::info!(
                    count,
                    what = place.what(),
                    "data sealed with former keys was sealed again with the newest of code_keys"
                );
            }
            Err(error) => {
                tracing::warn!(%error, what = place.what(), "data sealed with former keys could not be sealed again; will retry");
            }
        }
    }
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
        SealedIn::Messages | SealedIn::Events => sealed.id.clone(),
        SealedIn::WebhookSecrets | SealedIn::FormerWebhookSecrets => {
            seal_name(&WebhookEndpointId::from(sealed.id.as_str()))
        }
    }
}
