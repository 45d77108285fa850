-- What an instance is set to and signs with, who may come to it, and who is signed in.

-- One document for each instance: the fields that are not at their default. An instance without a row has the defaults.
CREATE TABLE instance_settings (
    instance_id TEXT   NOT NULL PRIMARY KEY,
    version     BIGINT NOT NULL,
    document    TEXT   NOT NULL,
    updated_at  BIGINT NOT NULL
);

-- Keys that sign tokens. An id is never used again, by no instance: clients keep keys by their ids alone. The private half is
-- sealed, and erased when the key signs nothing any more.
CREATE TABLE signing_keys (
    id          TEXT   NOT NULL PRIMARY KEY,
    instance_id TEXT   NOT NULL,
    public_key  TEXT   NOT NULL,
    private_key TEXT   NOT NULL,
    created_at  BIGINT NOT NULL,
    signs_at    BIGINT NOT NULL,
    retired_at  BIGINT
);

CREATE INDEX signing_keys_by_instance ON signing_keys (instance_id, signs_at);

-- Under which hosts browsers reach an instance; the key of the table keeps a host from belonging to two.
CREATE TABLE frontend_hosts (
    host        TEXT   NOT NULL PRIMARY KEY,
    instance_id TEXT   NOT NULL,
    id          TEXT   NOT NULL,
    place       BIGINT NOT NULL,
    created_at  BIGINT NOT NULL
);

CREATE UNIQUE INDEX frontend_hosts_by_place ON frontend_hosts (instance_id, place);

-- The allow-list and the block-list.
CREATE TABLE access_entries (
    instance_id     TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    list            TEXT   NOT NULL,
    identifier_type TEXT   NOT NULL,
    identifier      TEXT   NOT NULL,
    invitation_id   TEXT,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    PRIMARY KEY (instance_id, id)
);

CREATE UNIQUE INDEX access_entries_by_identifier ON access_entries (instance_id, list, identifier);
CREATE INDEX access_entries_by_age ON access_entries (instance_id, list, created_at, id);

CREATE TABLE redirect_urls (
    instance_id TEXT   NOT NULL,
    id          TEXT   NOT NULL,
    url         TEXT   NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    PRIMARY KEY (instance_id, id)
);

CREATE UNIQUE INDEX redirect_urls_by_url ON redirect_urls (instance_id, url);

-- Invitations. The ticket is known by its digest alone.
CREATE TABLE invitations (
    instance_id     TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    version         BIGINT NOT NULL,
    email_address   TEXT   NOT NULL,
    digest          TEXT   NOT NULL,
    public_metadata TEXT   NOT NULL,
    redirect_url    TEXT,
    status          TEXT   NOT NULL,
    expires_at      BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    PRIMARY KEY (instance_id, id)
);

CREATE UNIQUE INDEX invitations_by_digest ON invitations (digest);
CREATE INDEX invitations_by_address ON invitations (instance_id, email_address);
CREATE INDEX invitations_by_age ON invitations (instance_id, created_at, id);
