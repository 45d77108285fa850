-- Readers of the outbox: webhooks, the feed and the audit trail.

-- Several indexes are over texts put together, and the queries that mean them say the same text. Before it has statistics
-- PostgreSQL takes all indexes that know two columns of a query for equally good, also one that walks through everything
-- that was ever delivered; to such a query there is no other index.

-- The place of an event among those of its instance. Events get it in the order in which they are told, once.
ALTER TABLE outbox ADD COLUMN sequence_number BIGINT;
-- The event as webhooks carry it, where the payload leaves a code out. Sealed, and erased as soon as it was delivered: what
-- is empty then tells it from an event that has no code.
ALTER TABLE outbox ADD COLUMN sealed TEXT;

-- The text of an event, apart from the row that changes when the event gets its place: it is long, and would be written
-- again with it. Where a build from before this table wrote the event, its row has the text.
CREATE TABLE outbox_payloads (
    instance_id TEXT NOT NULL,
    event_id    TEXT NOT NULL,
    payload     TEXT NOT NULL,
    PRIMARY KEY (instance_id, event_id)
);

CREATE INDEX outbox_unread ON outbox ((instance_id || ''), created_at, id) WHERE sequence_number IS NULL;
CREATE INDEX outbox_unread_by_user ON outbox ((instance_id || user_id), user_version) WHERE sequence_number IS NULL;
CREATE INDEX outbox_by_sequence ON outbox (instance_id, sequence_number) WHERE sequence_number IS NOT NULL;
CREATE INDEX outbox_sealed ON outbox (created_at) WHERE sealed <> '';

-- Secrets are sealed: a copy of the database signs nothing.
CREATE TABLE webhook_endpoints (
    instance_id       TEXT   NOT NULL,
    id                TEXT   NOT NULL,
    url               TEXT   NOT NULL,
    events            TEXT   NOT NULL,
    secret            TEXT   NOT NULL,
    former_secret     TEXT,
    former_expires_at BIGINT,
    failing_since     BIGINT,
    last_failed_at    BIGINT,
    disabled_at       BIGINT,
    disabled_reason   TEXT,
    created_at        BIGINT NOT NULL,
    updated_at        BIGINT NOT NULL,
    PRIMARY KEY (instance_id, id)
);

-- One event on its way to one endpoint.
CREATE TABLE webhook_deliveries (
    instance_id     TEXT   NOT NULL,
    endpoint_id     TEXT   NOT NULL,
    event_id        TEXT   NOT NULL,
    kind            TEXT   NOT NULL,
    user_id         TEXT   NOT NULL,
    sequence_number BIGINT NOT NULL,
    state           TEXT   NOT NULL,
    tries           BIGINT NOT NULL,
    tries_before    BIGINT NOT NULL,
    due_at          BIGINT NOT NULL,
    give_up_at      BIGINT,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    PRIMARY KEY (instance_id, event_id, endpoint_id)
);

CREATE INDEX webhook_deliveries_due ON webhook_deliveries ((instance_id || endpoint_id), due_at, sequence_number)
    WHERE state = 'queued';
CREATE INDEX webhook_deliveries_leased ON webhook_deliveries (due_at) WHERE state = 'sending';
CREATE INDEX webhook_deliveries_open ON webhook_deliveries ((instance_id || endpoint_id || user_id), sequence_number)
    WHERE state IN ('queued', 'sending');
CREATE INDEX webhook_deliveries_by_sequence ON webhook_deliveries ((instance_id || endpoint_id), sequence_number);

-- What became of each try.
CREATE TABLE webhook_attempts (
    instance_id TEXT   NOT NULL,
    endpoint_id TEXT   NOT NULL,
    event_id    TEXT   NOT NULL,
    try_number  BIGINT NOT NULL,
    status      BIGINT,
    reason      TEXT,
    latency_ms  BIGINT NOT NULL,
    answer      TEXT   NOT NULL,
    created_at  BIGINT NOT NULL,
    PRIMARY KEY (instance_id, event_id, endpoint_id, try_number)
);

-- Endpoints that were removed, until their deliveries are: there can be millions of them.
CREATE TABLE webhook_removals (
    instance_id TEXT   NOT NULL,
    endpoint_id TEXT   NOT NULL,
    removed_at  BIGINT NOT NULL,
    PRIMARY KEY (instance_id, endpoint_id)
);

-- Append only. The hash of a row covers the hash of the row before it.
CREATE TABLE audit_log (
    instance_id     TEXT   NOT NULL,
    sequence_number BIGINT NOT NULL,
    event_id        TEXT   NOT NULL,
    kind            TEXT   NOT NULL,
    user_id         TEXT   NOT NULL,
    created_at      BIGINT NOT NULL,
    entry           TEXT   NOT NULL,
    previous_hash   TEXT   NOT NULL,
    hash            TEXT   NOT NULL,
    PRIMARY KEY (instance_id, sequence_number)
);

CREATE INDEX audit_log_by_user ON audit_log (instance_id, user_id, sequence_number);

-- Both ends of a trail: without them, rows could be cut off unnoticed. Who appends moves the last one, so that of many
-- servers one appends at a time.
CREATE TABLE audit_ends (
    instance_id         TEXT   NOT NULL PRIMARY KEY,
    first_number        BIGINT NOT NULL,
    first_previous_hash TEXT   NOT NULL,
    last_number         BIGINT NOT NULL,
    last_hash           TEXT   NOT NULL
);
