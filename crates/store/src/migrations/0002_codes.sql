-- Verification by one-time code, and the messages that carry the codes.

-- The newest code of an identification, and how the code went that verified it.
ALTER TABLE identifications ADD COLUMN verification_id TEXT;
ALTER TABLE identifications ADD COLUMN code_attempts BIGINT;
ALTER TABLE identifications ADD COLUMN code_expire_at BIGINT;

-- Codes, as keyed digests. Older ones stay for a while, so that a try of one is answered for what it is.
CREATE TABLE verifications (
    instance_id       TEXT   NOT NULL,
    id                TEXT   NOT NULL,
    identification_id TEXT   NOT NULL,
    key_id            TEXT   NOT NULL,
    digest            TEXT   NOT NULL,
    attempts          BIGINT NOT NULL,
    verified_at       BIGINT,
    created_at        BIGINT NOT NULL,
    expire_at         BIGINT NOT NULL,
    PRIMARY KEY (instance_id, id)
);

CREATE INDEX verifications_by_age ON verifications (created_at);

-- What is remembered of a number or address across its codes and its users.
CREATE TABLE verification_windows (
    instance_id TEXT   NOT NULL,
    kind        TEXT   NOT NULL,
    identifier  TEXT   NOT NULL,
    version     BIGINT NOT NULL,
    failures    TEXT   NOT NULL,
    sent_at     BIGINT,
    PRIMARY KEY (instance_id, kind, identifier)
);

CREATE INDEX verification_windows_by_age ON verification_windows (sent_at);

-- How much of a limit is used up in one period.
CREATE TABLE send_counters (
    instance_id  TEXT   NOT NULL,
    scope        TEXT   NOT NULL,
    subject      TEXT   NOT NULL,
    period_start BIGINT NOT NULL,
    amount       BIGINT NOT NULL,
    PRIMARY KEY (instance_id, scope, subject, period_start)
);

CREATE INDEX send_counters_by_age ON send_counters (period_start);

-- Messages. The text is sealed, and erased once it was handed over.
CREATE TABLE messages (
    instance_id       TEXT   NOT NULL,
    id                TEXT   NOT NULL,
    channel           TEXT   NOT NULL,
    user_id           TEXT   NOT NULL,
    identification_id TEXT   NOT NULL,
    verification_id   TEXT   NOT NULL,
    recipient         TEXT   NOT NULL,
    sealed            TEXT,
    state             TEXT   NOT NULL,
    tries             BIGINT NOT NULL,
    due_at            BIGINT NOT NULL,
    give_up_at        BIGINT NOT NULL,
    sender            TEXT,
    provider_id       TEXT,
    reason            TEXT,
    created_at        BIGINT NOT NULL,
    updated_at        BIGINT NOT NULL,
    PRIMARY KEY (instance_id, id)
);

CREATE INDEX messages_by_id ON messages (id);
CREATE INDEX messages_by_state ON messages (state, channel, due_at);
CREATE INDEX messages_by_age ON messages (updated_at);
CREATE INDEX messages_by_identification ON messages (instance_id, identification_id, created_at);
