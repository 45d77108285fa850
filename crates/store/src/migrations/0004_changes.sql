-- One row for every change, from which its events and its part of the audit trail are rendered when they are read.

-- Append only. The place is the number of the change's last event, beginning with a multiple of 2^40 that is the instance's
-- own (audit_ends.base); the numbers of its other events are those before it. One whole number is the shortest key, and the
-- table itself is in its order: an append writes one page.
CREATE TABLE changes (
    place           BIGINT NOT NULL PRIMARY KEY /* rowid */,
    event_count     BIGINT NOT NULL,
    kind            TEXT   NOT NULL,
    events          TEXT   NOT NULL,
    user_id         TEXT   NOT NULL,
    user_version    BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    who             TEXT   NOT NULL,
    personal        TEXT,
    salt            TEXT,
    personal_digest TEXT   NOT NULL,
    sealed          TEXT,
    key_id          TEXT   NOT NULL,
    hash            TEXT   NOT NULL
);

CREATE INDEX changes_by_user ON changes (user_id, place);
CREATE INDEX changes_sealed ON changes (created_at) WHERE sealed <> '';

-- Changes that have no numbers yet. The id says in which order they get them.
CREATE TABLE changes_unread (
    instance_id     TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    event_count     BIGINT NOT NULL,
    kind            TEXT   NOT NULL,
    events          TEXT   NOT NULL,
    user_id         TEXT   NOT NULL,
    user_version    BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    who             TEXT   NOT NULL,
    personal        TEXT,
    salt            TEXT,
    personal_digest TEXT   NOT NULL,
    sealed          TEXT,
    PRIMARY KEY (instance_id, id)
);

CREATE INDEX changes_unread_by_user ON changes_unread ((instance_id || user_id), user_version);

-- Where the places of an instance begin. Before its first change it has none.
ALTER TABLE audit_ends ADD COLUMN base BIGINT;
-- Proofs of both ends, made with a key: an end that was moved without it is found.
ALTER TABLE audit_ends ADD COLUMN first_seal TEXT;
ALTER TABLE audit_ends ADD COLUMN last_seal TEXT;

CREATE UNIQUE INDEX audit_ends_by_base ON audit_ends (base);

-- The first number that the feed and replays still tell, and the last one whose deliveries were queued.
CREATE TABLE event_cursors (
    instance_id  TEXT   NOT NULL PRIMARY KEY,
    first_number BIGINT NOT NULL,
    fanned_out   BIGINT NOT NULL
);

-- The keys under which the hashes of changes were made, sealed: a code key that is used no more must not make them
-- unverifiable.
CREATE TABLE trail_keys (
    key_id     TEXT   NOT NULL PRIMARY KEY,
    sealed     TEXT   NOT NULL,
    created_at BIGINT NOT NULL
);
