//! Sealing with the newest of `code_keys` what a former one sealed, so that the former one can be left out.
//!
//! Safe to repeat and to run in many servers at once: a text is replaced only if the row still has it.

use crate::app::App;
use crate::webhooks::seal_name;
use std::time::{Duration, Instant};
use verger_store::{Sealed, SealedIn, StoreError};
use verger_wire::WebhookEndpointId;

/// Texts in one step.
const STEP_MAX: usize = 100;
/// Others write between two steps.
const PAUSE: Duration = Duration::from_millis(20);
const STORE_TIMEOUT: Duration = Duration::from_secs(10);

/// Goes once through everything that is sealed. Without a former key there is nothing to look for.
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

/// How many it was.
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
        // What a key sealed that is not here, or what is damaged, stays as it is: `verger check` names it.
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

/// What a text is bound to, so that it opens in its own row alone.
fn bound_to(sealed: &Sealed) -> String {
    match sealed.place {
        SealedIn::Messages | SealedIn::Events => sealed.id.clone(),
        SealedIn::WebhookSecrets | SealedIn::FormerWebhookSecrets => {
            seal_name(&WebhookEndpointId::from(sealed.id.as_str()))
        }
    }
}
