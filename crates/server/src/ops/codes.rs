//! Sends and attempts codes (contract section 8).

use super::{Writing, object_name};
use crate::answer::Answer;
use crate::error::Failure;
use crate::http_reasons::malformed;
use crate::inbox::{self, InboxMessage};
use crate::limits::SendingRefusal;
use crate::limits::{self, UnverifiedMode};
use crate::render;
use crate::sending_reasons::NO_SENDER;
use serde::{Deserialize, Serialize};
use serde_json::json;
use verger_core::reasons::VERIFICATION_MISSING;
use verger_core::verification::{Attempt, CODE_LIFETIME_MS, Prepared};
use verger_core::{
    Identification, Identifier, IdentifierKind, Malformed, PendingCode, Refusal, TestNumbers, User,
    VerificationStatus, VerificationWindow,
};
use verger_deliver::{Channel, EVENT_SENDER, masked, template::Values};
use verger_store::{
    Change, LoadedForCode, Message, MessageState, NewAuditEntry, OutboxEvent, StoreError, WindowWrite, Write,
};
use verger_wire::{IdentificationId, Refused, UnixMillis, VerificationId};

/// Replaces the code in events.
const HIDDEN_CODE: &str = "••••••";

/// The part of a message that is sealed until it is sent.
#[derive(Serialize, Deserialize)]
pub(crate) struct Letter {
    pub(crate) to: String,
    pub(crate) subject: Option<String>,
    pub(crate) text: String,
}

impl Writing<'_> {
    /// Creates a code and queues the message that carries it.
    pub(crate) async fn prepare_code(
        &self,
        id: &IdentificationId,
        kind: IdentifierKind,
    ) -> Result<Answer, Failure> {
        self.replaying(async {
            let mut found = self.load_for_code(id, kind).await?;
            let turn =
                self.app.turn(&self.context.instance.id, &found.loaded.user.id, self.deadline()).await?;
            if turn.waited {
                found = self.load_for_code(id, kind).await?;
            }
            loop {
                self.check_precondition(Some(found.loaded.user.version))?;
                let instance = &self.context.instance.id;
                let (prepared, message_id, now) = {
                    let mut env = self.app.env_of(instance);
                    let digest =
                        |binding: &str, code: &str| self.app.keyring.digest(instance.as_str(), binding, code);
                    let prepared = found.loaded.user.prepare_verification(
                        id,
                        &found.window,
                        &found.loaded.claims,
                        digest,
                        &mut env,
                    );
                    (prepared, env.message_id(), env.now)
                };
                let prepared = match prepared {
                    Ok(prepared) => prepared,
                    Err(refusal) => {
                        self.settle_window(&found, id, now).await;
                        return Err(refusal.into());
                    }
                };
                let user = &prepared.change.user;
                let Some(held) = user.identification(id) else {
                    return Err(Failure::not_found(object_name(kind)));
                };
                let mut write =
                    self.code_write(&found, held, prepared.change.user.clone(), prepared.window.clone());
                let mut letter = None;
                if prepared.is_test {
                    if self.context.test_numbers() == TestNumbers::Refused {
                        let why =
                            Malformed::Form("is a reserved test number; this instance is not in test mode");
                        return Err(Refusal::Malformed { param: "phone_number", why }.into());
                    }
                } else {
                    let (message, made) = self.message(&prepared, held, message_id.clone(), now)?;
                    match self.charge(user, held, &made, now).await {
                        Ok(counted) => write.counted = counted,
                        Err(failure) => return self.sending_refused(failure, user, held, now).await,
                    }
                    let is_ours = message.is_some();
                    write.messages.extend(message);
                    let event = self.message_event(&prepared, held, &message_id, &made, is_ours, now)?;
                    write.events.push(event);
                    letter = Some(made);
                }
                let verification =
                    held.pending_code.as_ref().ok_or_else(|| Failure::Bug("no code was made".to_owned()))?;
                let status = verification.status(now);
                let answer = Answer::json(&render::verification_response(verification, kind, status))?;
                let saved = match self.save_write(write, answer).await {
                    Ok(saved) => saved,
                    Err(failure) => return self.sending_refused(failure, user, held, now).await,
                };
                match saved {
                    Some(answer) => {
                        if !answer.is_dry_run && !answer.is_replayed {
                            metrics::counter!("verger_codes_prepared_total", "kind" => kind.as_str())
                                .increment(1);
                            match letter {
                                Some(letter) => {
                                    self.hand_on(&prepared, held, message_id.as_str(), letter, now);
                                }
                                None => self.show(&prepared, held, message_id.as_str(), None, now),
                            }
                        }
                        return Ok(answer);
                    }
                    None => found = self.load_for_code(id, kind).await?,
                }
            }
        })
        .await
    }

    /// Attempts a code: the attempt is counted and committed before the code is compared.
    pub(crate) async fn attempt_code(
        &self,
        id: &IdentificationId,
        kind: IdentifierKind,
        tried: &VerificationId,
        code: &str,
    ) -> Result<Answer, Failure> {
        if self.headers.dry_run {
            return Err(malformed(
                "A code cannot be tried without counting the try, so there is no dry run of it.",
            )
            .param("Prefer")
            .into());
        }
        self.replaying(async {
            let mut found = self.load_for_attempt(id, kind, tried).await?;
            let turn =
                self.app.turn(&self.context.instance.id, &found.loaded.user.id, self.deadline()).await?;
            if turn.waited {
                // A request with the same key may have had the turn before: its answer counts, and the attempt is counted
                // once.
                if let Some(answer) = self.replay().await? {
                    return Ok(answer);
                }
                found = self.load_for_attempt(id, kind, tried).await?;
            }
            let (user, window) = loop {
                self.check_precondition(Some(found.loaded.user.version))?;
                let verification =
                    found.tried.as_ref().ok_or_else(|| Failure::from(&VERIFICATION_MISSING))?;
                let (attempt, now) = {
                    let env = self.app.env_of(&self.context.instance.id);
                    let attempt = found.loaded.user.begin_attempt(
                        id,
                        verification,
                        &found.window,
                        &found.loaded.claims,
                        &env,
                    )?;
                    (attempt, env.now)
                };
                let (change, window) = match attempt {
                    Attempt::Ended(status) => {
                        self.settle_window(&found, id, now).await;
                        count_attempt(kind, "ended");
                        let newest =
                            found.loaded.user.identification(id).and_then(|held| held.pending_code.as_ref());
                        let shown = newest.filter(|newest| newest.id == *tried).unwrap_or(verification);
                        let answer = Answer::json(&render::verification_response(shown, kind, status))?;
                        return self.kept(answer).await;
                    }
                    Attempt::Counted { change, window } => (change, window),
                };
                let Some(held) = change.user.identification(id) else {
                    return Err(Failure::not_found(object_name(kind)));
                };
                let write = self.code_write(&found, held, change.user.clone(), window.clone());
                if self.save_unanswered(write).await? {
                    break (change.user, window);
                }
                if let Some(answer) = self.replay().await? {
                    return Ok(answer);
                }
                found = self.load_for_attempt(id, kind, tried).await?;
            };
            let binding = user.code_binding(id);
            let matches = binding.map(|(binding, stored)| {
                let instance = self.context.instance.id.as_str();
                let matches = self.app.keyring.matches(instance, &binding, code, stored);
                if matches.is_none() {
                    tracing::error!(
                        trace_id = &*self.context.trace_id.0,
                        code_key_id = stored.key_id,
                        "a code was digested with a key that is not in code_keys, and counts as wrong"
                    );
                }
                matches
            });
            let answer = if matches == Some(Some(true)) {
                count_attempt(kind, "right");
                found.loaded.user = user;
                found.window = window;
                self.accept(id, kind, tried, found).await
            } else {
                count_attempt(kind, if matches == Some(None) { "lost_key" } else { "wrong" });
                self.refuse_code(&user, id, kind, &window).await
            };
            answer.map_err(Failure::after_counted_try)
        })
        .await
    }

    async fn accept(
        &self,
        id: &IdentificationId,
        kind: IdentifierKind,
        tried: &VerificationId,
        mut found: LoadedForCode,
    ) -> Result<Answer, Failure> {
        loop {
            let held = found.loaded.user.identification(id);
            let newest = held.and_then(|held| held.pending_code.as_ref());
            if newest.is_none_or(|newest| newest.id != *tried) {
                // The code was replaced or cancelled after the attempt was counted.
                let ended = self.scoped().load_verification(id, tried, self.deadline()).await?;
                let ended = ended.ok_or_else(|| Failure::from(&VERIFICATION_MISSING))?;
                let shown = render::verification_response(&ended, kind, VerificationStatus::Expired);
                return self.kept(Answer::json(&shown)?).await;
            }
            let (write, answer) = {
                let mut env = self.app.env_of(&self.context.instance.id);
                let (change, window) =
                    found.loaded.user.accept_code(id, tried, &found.window, &found.loaded.claims, &env)?;
                let Some(held) = change.user.identification(id) else {
                    return Err(Failure::not_found(object_name(kind)));
                };
                let mut write = self.code_write(&found, held, change.user.clone(), window);
                write.counted.extend(self.app.sending.verified(&held.identifier, env.now));
                write.events = self.events(
                    Some(&found.loaded.user),
                    Some(&change.user),
                    &change.consequences,
                    &mut env,
                )?;
                let Some(verification) = &held.pending_code else {
                    return Err(Failure::Bug("an accepted code is gone".to_owned()));
                };
                let shown = render::verification_response(verification, kind, VerificationStatus::Verified);
                let mut answer = Answer::json(&shown)?;
                answer.consequences = render::consequences(&change.consequences);
                (write, answer)
            };
            match self.save_write(write, answer).await? {
                Some(answer) => return Ok(answer),
                None => found = self.load_for_code(id, kind).await?,
            }
        }
    }

    /// The attempt is already counted and stored; only metrics and log are left.
    async fn refuse_code(
        &self,
        user: &User,
        id: &IdentificationId,
        kind: IdentifierKind,
        window: &VerificationWindow,
    ) -> Result<Answer, Failure> {
        let now = self.app.now(&self.context.instance.id);
        let Some(verification) = user.identification(id).and_then(|held| held.pending_code.as_ref()) else {
            return Err(Failure::Bug("a counted code is gone".to_owned()));
        };
        let closed = window.closed_until(now).is_some();
        let status = if closed { VerificationStatus::Failed } else { verification.status(now) };
        if status == VerificationStatus::Failed {
            tracing::warn!(
                target: "verger::audit",
                trace_id = &*self.context.trace_id.0,
                instance_id = self.context.instance.id.as_str(),
                identification_id = id.as_str(),
                closed,
                "a verification failed after too many wrong codes"
            );
        }
        let answer = Answer::json(&render::verification_response(verification, kind, status))?;
        self.kept(answer).await
    }

    /// A clock that was ahead must not close a number for longer than a steady one: a timestamp in the future that causes
    /// a refusal is set to now, and ages from then on.
    async fn settle_window(&self, found: &LoadedForCode, id: &IdentificationId, now: UnixMillis) {
        let held = found.loaded.user.identification(id);
        let (Some(held), Some(after)) = (held, found.window.settled(now)) else { return };
        if self.headers.dry_run {
            return;
        }
        let window = WindowWrite {
            kind: held.identifier.kind(),
            identifier: held.identifier.as_str().to_owned(),
            before: found.window.clone(),
            after,
        };
        let write = Write { windows: vec![window], ..Write::at(now) };
        match self.scoped().save(&write, self.deadline()).await {
            // A concurrent write has corrected it.
            Ok(()) | Err(StoreError::Conflict(_)) => {}
            Err(error) => tracing::warn!(
                %error,
                trace_id = &*self.context.trace_id.0,
                "recent codes and failures of a number lie in the future, and could not be corrected"
            ),
        }
    }

    /// Stores an answer without changes for its `Idempotency-Key`.
    async fn kept(&self, answer: Answer) -> Result<Answer, Failure> {
        if self.headers.idempotency_key.is_none() {
            return Ok(answer);
        }
        let kept = self.save_write(Write::at(self.app.clock.now()), answer).await?;
        kept.ok_or_else(|| Failure::Bug("an answer by itself was stale".to_owned()))
    }

    async fn load_for_code(
        &self,
        id: &IdentificationId,
        kind: IdentifierKind,
    ) -> Result<LoadedForCode, Failure> {
        let found = self.scoped().load_for_code(id, self.deadline()).await?;
        of_kind(found, id, kind)
    }

    /// Loads the user, with the verification that is attempted if it belongs to this identification.
    async fn load_for_attempt(
        &self,
        id: &IdentificationId,
        kind: IdentifierKind,
        tried: &VerificationId,
    ) -> Result<LoadedForCode, Failure> {
        let found = self.scoped().load_for_attempt(id, tried, self.deadline()).await?;
        of_kind(found, id, kind)
    }

    fn code_write(
        &self,
        found: &LoadedForCode,
        held: &Identification,
        after: User,
        window: VerificationWindow,
    ) -> Write {
        Write {
            changes: vec![Change::update(found.loaded.user.clone(), after).into()],
            windows: vec![WindowWrite {
                kind: held.identifier.kind(),
                identifier: held.identifier.as_str().to_owned(),
                before: found.window.clone(),
                after: window,
            }],
            ..Write::at(self.app.now(&self.context.instance.id))
        }
    }

    fn message(
        &self,
        prepared: &Prepared,
        held: &Identification,
        id: verger_wire::MessageId,
        now: UnixMillis,
    ) -> Result<(Option<Message>, Letter), Failure> {
        let (instance, user) = (&self.context.instance, &prepared.change.user);
        let (channel, sender) = match &held.identifier {
            Identifier::Phone(_) => (Channel::Sms, &self.app.delivery.sms),
            Identifier::Email(_) => (Channel::Email, &self.app.delivery.email),
        };
        if sender.name() == "none" {
            return Err(Refused::new(&NO_SENDER).with("channel", channel.name()).into());
        }
        let minutes = u32::try_from(CODE_LIFETIME_MS / 60_000).unwrap_or(u32::MAX);
        let values = Values { code: &prepared.code, app_name: &instance.name, minutes };
        let (locale, templates) = (user.locale.as_deref(), &self.app.delivery.templates);
        let (subject, text) = match channel {
            Channel::Sms => (None, templates.sms(instance.id.as_str(), locale, &values)),
            Channel::Email => {
                let (subject, text) = templates.email(instance.id.as_str(), locale, &values);
                (Some(subject), text)
            }
        };
        let letter = Letter { to: held.identifier.as_str().to_owned(), subject, text };
        if sender.name() == EVENT_SENDER {
            // Only the event carries the code.
            return Ok((None, letter));
        }
        let plain = serde_json::to_string(&letter).map_err(|error| Failure::Bug(error.to_string()))?;
        let sealed = self.app.keyring.seal(id.as_str(), &plain);
        let real_now = self.app.clock.now();
        let verification =
            held.pending_code.as_ref().ok_or_else(|| Failure::Bug("no code was made".to_owned()))?;
        let message = Message {
            id,
            channel: channel.name().to_owned(),
            user_id: user.id.clone(),
            identification_id: held.id.clone(),
            verification_id: verification.id.clone(),
            recipient: masked(&letter.to),
            sealed: Some(sealed.ok_or_else(|| Failure::Bug("a message could not be sealed".to_owned()))?),
            state: MessageState::Queued,
            tries: 0,
            due_at: real_now,
            give_up_at: real_now.plus_ms(CODE_LIFETIME_MS),
            sender: None,
            provider_id: None,
            reason: None,
            created_at: now,
            updated_at: now,
        };
        Ok((Some(message), letter))
    }

    /// `sms.created` or `email.created`. It contains the code, sealed, only if the application delivers the message.
    fn message_event(
        &self,
        prepared: &Prepared,
        held: &Identification,
        id: &verger_wire::MessageId,
        letter: &Letter,
        is_ours: bool,
        now: UnixMillis,
    ) -> Result<OutboxEvent, Failure> {
        let bug = |error: serde_json::Error| Failure::Bug(error.to_string());
        let user = &prepared.change.user;
        let (sms_from, email_from) = &self.app.delivery_from;
        let event_id = self.app.env().event_id();
        let render = |code: Option<&str>| {
            let text = match code {
                Some(_) => letter.text.clone(),
                None => letter.text.replace(&prepared.code, HIDDEN_CODE),
            };
            let subject = letter.subject.as_ref().map(|subject| match code {
                Some(_) => subject.clone(),
                None => subject.replace(&prepared.code, HIDDEN_CODE),
            });
            let own = json!({ "otp_code": code, "app": { "name": self.context.instance.name } });
            let (kind, data) = match &held.identifier {
                Identifier::Phone(_) => (
                    "sms.created",
                    json!({
                        "object": "sms_message",
                        "id": id,
                        "slug": "verification_code",
                        "from_phone_number": sms_from.get(self.context.instance.id.as_str()).map_or("", String::as_str),
                        "to_phone_number": letter.to,
                        "phone_number_id": held.id,
                        "user_id": user.id,
                        "message": text,
                        "status": "queued",
                        "data": own,
                        "delivered_by_clerk": is_ours,
                        "created_at_ms": now,
                    }),
                ),
                Identifier::Email(_) => (
                    "email.created",
                    json!({
                        "object": "email",
                        "id": id,
                        "slug": "verification_code",
                        "from_email_name": email_from.get(self.context.instance.id.as_str()).map_or("", String::as_str),
                        "reply_to_email_name": null,
                        "to_email_address": letter.to,
                        "email_address_id": held.id,
                        "user_id": user.id,
                        "subject": subject.unwrap_or_default(),
                        "body": "",
                        "body_plain": text,
                        "status": "queued",
                        "data": own,
                        "delivered_by_clerk": is_ours,
                    }),
                ),
            };
            let event = verger_wire::Event {
                id: event_id.to_string(),
                object: "event".to_owned(),
                kind: kind.to_owned(),
                instance_id: self.context.instance.id.to_string(),
                event_attributes: render::event_attributes(self.context),
                timestamp: now,
                data: serde_json::value::to_raw_value(&data)?,
                before: None,
                changes: std::collections::BTreeMap::new(),
                consequences: Vec::new(),
                actor: render::actor(self.context),
                clerk_trace_id: self.context.trace_id.0.to_string(),
            };
            Ok::<_, serde_json::Error>((kind, serde_json::to_string(&event)?))
        };
        let (kind, payload) = render(None).map_err(bug)?;
        let sealed = if is_ours {
            None
        } else {
            let (_, full) = render(Some(&prepared.code)).map_err(bug)?;
            let sealed = self.app.keyring.seal(event_id.as_str(), &full);
            Some(sealed.ok_or_else(|| Failure::Bug("an event could not be sealed".to_owned()))?)
        };
        Ok(OutboxEvent {
            id: event_id,
            kind: kind.to_owned(),
            user_id: user.id.clone(),
            user_version: user.version,
            created_at: now,
            payload,
            sealed,
        })
    }

    /// The counters of the message; refuses it before anything is written if it exceeds a limit.
    async fn charge(
        &self,
        user: &User,
        held: &Identification,
        letter: &Letter,
        now: UnixMillis,
    ) -> Result<Vec<verger_store::Counted>, Failure> {
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

    /// Gives the failure back. If it is a limit on sending, it is in the metrics, in the log and in the audit trail.
    async fn sending_refused<T>(
        &self,
        failure: Failure,
        user: &User,
        held: &Identification,
        now: UnixMillis,
    ) -> Result<T, Failure> {
        let Failure::Sending(refusal) = &failure else { return Err(failure) };
        let limit = refusal.limit();
        self.report_limit(limit);
        if !self.headers.dry_run && limit != limits::ALLOWED_COUNTRIES {
            let period_start = |scope: &str| limits::period_start(scope, now);
            // As with windows: counters in the future are moved to the current period, and are dropped with it.
            if let Err(error) = self.scoped().settle_counters(now, period_start, self.deadline()).await {
                tracing::warn!(%error, trace_id = &*self.context.trace_id.0, "counters in the future could not be corrected");
            }
        }
        if !self.headers.dry_run
            && let Err(error) = self.audit_refusal(limit, user, held, now).await
        {
            // The refusal stands nevertheless, and is in the log.
            tracing::warn!(%error, trace_id = &*self.context.trace_id.0, "a refusal could not be written to the audit trail");
        }
        Err(failure)
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

    /// The message is committed: wakes the delivery job, and adds the message to the inbox.
    fn hand_on(&self, prepared: &Prepared, held: &Identification, id: &str, letter: Letter, now: UnixMillis) {
        self.show(prepared, held, id, Some(letter), now);
        let channel = match held.identifier {
            Identifier::Phone(_) => Channel::Sms,
            Identifier::Email(_) => Channel::Email,
        };
        self.app.new_message(channel).notify_one();
    }

    /// Adds a code to the inbox. Without a letter nothing is sent, and the entry says so.
    fn show(
        &self,
        prepared: &Prepared,
        held: &Identification,
        id: &str,
        letter: Option<Letter>,
        now: UnixMillis,
    ) {
        let Some(dev) = self.app.dev_of(&self.context.instance) else { return };
        let (phone, email) = match held.identifier {
            Identifier::Phone(_) => (Some(held.id.to_string()), None),
            Identifier::Email(_) => (None, Some(held.id.to_string())),
        };
        let status = if letter.is_some() { "queued" } else { inbox::NOT_SENT };
        let letter = letter.unwrap_or_else(|| Letter {
            to: held.identifier.as_str().to_owned(),
            subject: None,
            text: format!("Nothing is sent to a test number. Its code is always {}.", prepared.code),
        });
        dev.inbox.push(InboxMessage {
            id: id.to_owned(),
            object: "message",
            channel: if phone.is_some() { "sms" } else { "email" }.to_owned(),
            to: letter.to,
            subject: letter.subject,
            text: letter.text,
            code: prepared.code.clone(),
            phone_number_id: phone,
            email_address_id: email,
            user_id: prepared.change.user.id.to_string(),
            verification_id: held
                .pending_code
                .as_ref()
                .map(|code: &PendingCode| code.id.to_string())
                .unwrap_or_default(),
            status,
            created_at: now,
            instance: Some(self.context.instance.id.clone()),
            end: None,
        });
    }
}

/// The user, if the identification is of this kind: an id of another kind does not exist here (contract section 2).
fn of_kind(
    found: Option<LoadedForCode>,
    id: &IdentificationId,
    kind: IdentifierKind,
) -> Result<LoadedForCode, Failure> {
    let is_of_kind = |found: &LoadedForCode| {
        found.loaded.user.identification(id).is_some_and(|held| held.identifier.kind() == kind)
    };
    found.filter(is_of_kind).ok_or_else(|| Failure::not_found(object_name(kind)))
}

fn count_attempt(kind: IdentifierKind, result: &'static str) {
    metrics::counter!("verger_codes_tried_total", "kind" => kind.as_str(), "result" => result).increment(1);
}
