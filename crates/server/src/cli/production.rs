//! `verger serve`.

use super::given::Given;
use super::limits::deadline;
use super::logging::start_log;
use super::modes;
use super::serving::{bind, serve_to_the_end};
use super::settings::ServeArgs;
use super::stores::{NAME_STORE, embedded_file, existing_store, require_file, require_schema};
use crate::app::App;
use crate::clock::{Clock, SystemClock};
use crate::config::LogFormat;
use crate::randomness::Randomness;
use crate::trail_keys::hand_over;
use crate::{metrics, serve};
use anyhow::Context as _;
use std::sync::Arc;

pub(super) async fn run(args: ServeArgs, given: &Given) -> anyhow::Result<()> {
    let config = args.settings.over_file(args.config.as_deref())?;
    let _log =
        start_log(config.log_format.unwrap_or(LogFormat::Json), config.log.as_deref().unwrap_or("info"))?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    // A sender that cannot work should be noticed now, not by the first user who waits for a code.
    let mut messaging = config.messaging(&clock)?;
    let listen_limits = config.fitting_limits(&mut messaging.webhooks)?;
    let (sms, email) = (messaging.delivery.sms.name(), messaging.delivery.email.name());
    let metrics_handle = metrics::install().map_err(|error| anyhow::anyhow!("metrics: {error}"))?;
    if let Some(file) = embedded_file(config.store(), &config.data()) {
        require_file(&file, NAME_STORE)?;
    }
    modes::tighten_store(config.store(), &config.data());
    let store = existing_store(config.store(), &config.data()).await?;
    require_schema(&store).await?;
    hand_over(&store, &messaging.keyring, deadline()).await?;
    let listener = bind(config.listen(), &given.name("listen")).await?;
    let metrics_listener = bind(config.metrics_listen(), &given.name("metrics_listen")).await?;
    verger_core::phone_number::warm_up();
    let randomness = Randomness::system().context("no randomness from the operating system")?;
    let app = Arc::new(App::new(Arc::clone(&store), clock, randomness, config.limits(), messaging));
    tracing::info!(listen = %listener.local_addr()?, metrics = %metrics_listener.local_addr()?, store = store.location(), sms, email, "serving");
    let stop = serve::stop_signal()?;
    serve_to_the_end(app, listener, listen_limits, Some(metrics_listener), metrics_handle, stop).await?;
    tracing::info!("stopped");
    Ok(())
}
