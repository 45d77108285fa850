//! What a message counts against, and what becomes of one that is over a limit.

use super::message::Letter;
use crate::engine::writing::Writing;
use crate::error::Failure;
use crate::limits::{self, SendingRefusal, UnverifiedMode};
use crate::render;
use serde_json::json;
use verger_core::{Identification, Identifier, User};
use verger_deliver::masked;
use verger_store::{Counted, NewAuditEntry, StoreError};
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
            tracing::warn!(%error, trace_id = &*self.context.trace_id.0, "a refusal could not be written to the audit trail");
        }
    }

    /// A refused request has no event, so this is a separate row of the audit trail, without deliveries.
    async fn audit_refusal(
        &self,
        limit: &'static str,
        user: &User,
        held: &Identification,
        now: UnixMillis,
    ) -> Result<(), StoreError> {
        let recipient = held.identifier.as_str();
        let (kind, object, to) = match held.identifier {
            Identifier::Phone(_) => ("sms.refused", "sms_message", "to_phone_number"),
            Identifier::Email(_) => ("email.refused", "email", "to_email_address"),
        };
        let entry = json!({
            "type": kind,
            "timestamp": now,
            "actor": render::actor(self.context),
            "clerk_trace_id": &*self.context.trace_id.0,
            "resource": {
                "id": held.id,
                "object": object,
                "user_id": user.id,
                to: masked(recipient),
                "reason": limit,
            },
        });
        let note = NewAuditEntry {
            event_id: self.app.env().event_id(),
            kind: kind.to_owned(),
            user_id: user.id.clone(),
            created_at: now,
            entry: entry.to_string(),
        };
        let noted = limits::noted(limit, recipient, now);
        self.scoped().append_note(&note, &noted, self.deadline()).await.map(drop)
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
