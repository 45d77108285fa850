//! What a message counts against, and what becomes of one that is over a limit.

use super::message::Letter;
use crate::changes::{Refusal, note_in_old_form};
use crate::engine::writing::Writing;
use crate::error::Failure;
use crate::limits::{self, SendingRefusal, UnverifiedMode};
use verger_core::{Identification, Identifier, User};
use verger_deliver::masked;
use verger_store::Counted;
use verger_wire::UnixMillis;

impl Writing<'_> {
    /// The counters of the message; refuses it before anything is written if it exceeds a limit.
    pub(super) async fn charge(
        &self,
        user: &User,
        held: &Identification,
        letter: &Letter,
        now: UnixMillis,
    ) -> Result<Vec<Counted>, Failure> {
        self.check_country(held).await?;
        let sending = &self.app.sending;
        let segments = verger_deliver::template::segments(&letter.text);
        let counted = sending.charge(user, &held.identifier, segments, now)?;
        if let Some((country, since)) = sending.compared(&held.identifier, now) {
            let sent = self.scoped().counted_since(limits::SENT, country, since, self.deadline()).await?;
            let verified =
                self.scoped().counted_since(limits::VERIFIED, country, since, self.deadline()).await?;
            if sending.is_pumped(sent, verified) {
                if sending.unverified == UnverifiedMode::Deny {
                    let retry_after_seconds = limits::retry_after_seconds(limits::UNVERIFIED, now);
                    return Err(
                        SendingRefusal::Limit { scope: limits::UNVERIFIED, retry_after_seconds }.into()
                    );
                }
                self.report_limit(limits::UNVERIFIED);
            }
        }
        Ok(counted)
    }

    /// Countries to which the settings of the instance let no text message go, beside those of the server's configuration.
    async fn check_country(&self, held: &Identification) -> Result<(), Failure> {
        let Identifier::Phone(number) = &held.identifier else { return Ok(()) };
        let Some(region) = number.region() else { return Ok(()) };
        let facts = self.facts().await?;
        let blocked = &facts.settings.communication.blocked_country_codes;
        if blocked.iter().any(|blocked| blocked == region) {
            let calling_code = number.calling_code();
            return Err(SendingRefusal::Country { alpha2: region.to_owned(), calling_code }.into());
        }
        Ok(())
    }

    /// A limit on sending that was met is in the metrics, in the log and in the audit trail.
    pub(super) async fn report_refusal(
        &self,
        refusal: &SendingRefusal,
        user: &User,
        held: &Identification,
        now: UnixMillis,
    ) {
        let limit = refusal.limit();
        self.report_limit(limit);
        if self.is_dry_run() {
            return;
        }
        if limit != limits::ALLOWED_COUNTRIES {
            let period_start = |scope: &str| limits::period_start(scope, now);
            // As with windows: counters in the future are moved to the current period, and are dropped with it.
            if let Err(error) = self.scoped().settle_counters(now, period_start, self.deadline()).await {
                tracing::warn!(%error, trace_id = &*self.context.trace_id.0, "counters in the future could not be corrected");
            }
        }
        if let Err(error) = self.audit_refusal(limit, user, held, now).await {
            // The refusal stands nevertheless, and is in the log.
            tracing::warn!(
                error = error.cause(),
                trace_id = &*self.context.trace_id.0,
                "a refusal could not be written to the audit trail"
            );
        }
    }

    /// A refused request changes nothing, so this is a row of the audit trail alone.
    async fn audit_refusal(
        &self,
        limit: &'static str,
        user: &User,
        held: &Identification,
        now: UnixMillis,
    ) -> Result<(), Failure> {
        let recipient = held.identifier.as_str();
        let stamp = self.stamp(now);
        let refusal = Refusal { user, held, to: masked(recipient), limit };
        let note = stamp.refusal(refusal).map_err(|error| Failure::Bug(error.to_string()))?;
        let noted = limits::noted(limit, recipient, now);
        let (scoped, deadline) = (self.scoped(), self.deadline());
        if self.app.store.both_versions_until(deadline).await?.is_none() {
            scoped.append_note_change(&note, &noted, deadline).await?;
            self.app.tell_of_changes(&self.context.instance.id);
        } else {
            let old = note_in_old_form(&self.context.instance.id, &note, &mut self.app.env());
            let old = old.ok_or_else(|| Failure::Bug("a refusal has no event".to_owned()))?;
            scoped.append_note(&old, &noted, deadline).await?;
        }
        Ok(())
    }

    fn report_limit(&self, limit: &'static str) {
        metrics::counter!("verger_sending_refused_total", "limit" => limit).increment(1);
        tracing::warn!(
            target: "verger::audit",
            trace_id = &*self.context.trace_id.0,
            instance_id = self.context.instance.id.as_str(),
            key_id = self.context.key_id.as_str(),
            limit,
            "a message exceeds a limit"
        );
    }
}
