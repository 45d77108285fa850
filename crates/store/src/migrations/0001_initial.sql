-- One text for SQLite and PostgreSQL: TEXT and BIGINT columns only, times in Unix milliseconds, "when" instead of
-- booleans, JSON as text. Every key of a tenant's data begins with the instance.

CREATE TABLE instances (
    id          TEXT   NOT NULL PRIMARY KEY,
    name        TEXT   NOT NULL,
    environment TEXT   NOT NULL,
    created_at  BIGINT NOT NULL
);

CREATE TABLE secret_keys (
    id          TEXT   NOT NULL PRIMARY KEY,
    instance_id TEXT   NOT NULL,
    name        TEXT   NOT NULL,
    hint        TEXT   NOT NULL,
    digest      TEXT   NOT NULL UNIQUE,
    created_at  BIGINT NOT NULL,
    revoked_at  BIGINT
);

CREATE INDEX secret_keys_by_instance ON secret_keys (instance_id, created_at);

CREATE TABLE users (
    instance_id                TEXT   NOT NULL,
    id                         TEXT   NOT NULL,
    version                    BIGINT NOT NULL,
    external_id                TEXT,
    username                   TEXT,
    username_folded            TEXT,
    first_name                 TEXT,
    last_name                  TEXT,
    name_folded                TEXT   NOT NULL,
    locale                     TEXT,
    public_metadata            TEXT   NOT NULL,
    private_metadata           TEXT   NOT NULL,
    unsafe_metadata            TEXT   NOT NULL,
    delete_self_enabled        BIGINT NOT NULL,
    create_organization_enabled BIGINT NOT NULL,
    create_organizations_limit BIGINT,
    bypass_client_trust        BIGINT NOT NULL,
    legal_accepted_at          BIGINT,
    banned_at                  BIGINT,
    locked_at                  BIGINT,
    mfa_enabled_at             BIGINT,
    mfa_disabled_at            BIGINT,
    created_at                 BIGINT NOT NULL,
    updated_at                 BIGINT NOT NULL,
    primary_phone_number_id    TEXT,
    primary_email_address_id   TEXT,
    PRIMARY KEY (instance_id, id)
);

CREATE INDEX users_by_created_at ON users (instance_id, created_at, id);

-- Phone numbers and email addresses.
CREATE TABLE identifications (
    instance_id      TEXT   NOT NULL,
    id               TEXT   NOT NULL,
    user_id          TEXT   NOT NULL,
    kind             TEXT   NOT NULL,
    identifier       TEXT   NOT NULL,
    typed            TEXT   NOT NULL,
    region           TEXT,
    line_type        TEXT,
    metadata_version TEXT,
    standing         TEXT   NOT NULL,
    verified_at      BIGINT,
    second_factor    TEXT   NOT NULL,
    created_at       BIGINT NOT NULL,
    updated_at       BIGINT NOT NULL,
    PRIMARY KEY (instance_id, id)
);

CREATE INDEX identifications_by_user ON identifications (instance_id, user_id);
CREATE INDEX identifications_by_identifier ON identifications (instance_id, kind, identifier);

-- Who holds a number, an address, a username or an external id: the key decides, whoever asks at the same time.
CREATE TABLE claims (
    instance_id       TEXT NOT NULL,
    kind              TEXT NOT NULL,
    identifier        TEXT NOT NULL,
    user_id           TEXT NOT NULL,
    identification_id TEXT NOT NULL,
    PRIMARY KEY (instance_id, kind, identifier)
);

-- One row for every event, written with the change that it tells of.
CREATE TABLE outbox (
    instance_id  TEXT   NOT NULL,
    id           TEXT   NOT NULL,
    kind         TEXT   NOT NULL,
    user_id      TEXT   NOT NULL,
    user_version BIGINT NOT NULL,
    created_at   BIGINT NOT NULL,
    payload      TEXT   NOT NULL,
    PRIMARY KEY (instance_id, id)
);

-- The answer that was given to a request with an Idempotency-Key.
CREATE TABLE idempotency_keys (
    instance_id     TEXT   NOT NULL,
    idempotency_key TEXT   NOT NULL,
    fingerprint     TEXT   NOT NULL,
    response        TEXT   NOT NULL,
    created_at      BIGINT NOT NULL,
    PRIMARY KEY (instance_id, idempotency_key)
);

CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
