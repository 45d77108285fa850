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

-- Who is signed in, where, and what their tokens say.

-- Both are written without a new version of the user: signing in and being active change nothing of it.
ALTER TABLE users ADD COLUMN last_sign_in_at BIGINT;
ALTER TABLE users ADD COLUMN last_active_at BIGINT;

-- Browsers and devices. A secret has 256 random bits, so that its SHA-256 is enough. The replaced ones, which are few, stand in
-- one text with the sessions that each had.
CREATE TABLE clients (
    instance_id                  TEXT   NOT NULL,
    id                           TEXT   NOT NULL,
    version                      BIGINT NOT NULL,
    secret                       TEXT   NOT NULL,
    secret_issued_at             BIGINT NOT NULL,
    secret_presented_at          BIGINT,
    replaced                     TEXT   NOT NULL,
    sign_in_id                   TEXT,
    sign_up_id                   TEXT,
    last_active_session_id       TEXT,
    last_authentication_strategy TEXT,
    signed_at                    BIGINT NOT NULL,
    created_at                   BIGINT NOT NULL,
    updated_at                   BIGINT NOT NULL,
    PRIMARY KEY (instance_id, id)
);

CREATE INDEX clients_by_age ON clients (instance_id, created_at, id);

-- By which a client is found: the digest of its secret and of each replaced one.
CREATE TABLE client_secrets (
    instance_id TEXT NOT NULL,
    digest      TEXT NOT NULL,
    client_id   TEXT NOT NULL,
    PRIMARY KEY (instance_id, digest)
);

-- What a session is at a moment is derived from its row, the settings and its user; of that only the end is stored.
CREATE TABLE sessions (
    instance_id                 TEXT   NOT NULL,
    id                          TEXT   NOT NULL,
    version                     BIGINT NOT NULL,
    user_id                     TEXT   NOT NULL,
    client_id                   TEXT   NOT NULL,
    origin                      TEXT   NOT NULL,
    actor                       TEXT,
    second_factor_demanded      BIGINT NOT NULL,
    first_factor_at             BIGINT,
    second_factor_at            BIGINT,
    ending                      TEXT,
    ended_at                    BIGINT,
    last_active_organization_id TEXT,
    last_active_at              BIGINT NOT NULL,
    activity                    TEXT,
    expire_at                   BIGINT NOT NULL,
    abandon_at                  BIGINT NOT NULL,
    created_at                  BIGINT NOT NULL,
    updated_at                  BIGINT NOT NULL,
    PRIMARY KEY (instance_id, id)
);

CREATE INDEX sessions_by_age ON sessions (instance_id, created_at, id);
CREATE INDEX sessions_by_user ON sessions (instance_id, user_id, created_at, id);
CREATE INDEX sessions_by_client ON sessions (instance_id, client_id, created_at, id);
-- Those of which no end is written down, for the sweep of those whose time is over.
CREATE INDEX sessions_to_expire ON sessions (instance_id, expire_at) WHERE ending IS NULL;

-- The values of the cookie __refresh. Each has 256 random bits, and holds for one session and one origin.
CREATE TABLE refresh_tokens (
    instance_id TEXT   NOT NULL,
    digest      TEXT   NOT NULL,
    session_id  TEXT   NOT NULL,
    origin      TEXT   NOT NULL,
    created_at  BIGINT NOT NULL,
    PRIMARY KEY (instance_id, digest)
);

CREATE INDEX refresh_tokens_by_session ON refresh_tokens (instance_id, session_id);

-- Expired session tokens that were refreshed: each gives one new token, which is kept, sealed, for those who ask again at once.
CREATE TABLE refreshed_tokens (
    instance_id TEXT   NOT NULL,
    digest      TEXT   NOT NULL,
    session_id  TEXT   NOT NULL,
    sealed      TEXT   NOT NULL,
    created_at  BIGINT NOT NULL,
    forget_at   BIGINT NOT NULL,
    PRIMARY KEY (instance_id, digest)
);

CREATE INDEX refreshed_tokens_by_session ON refreshed_tokens (instance_id, session_id);
CREATE INDEX refreshed_tokens_by_end ON refreshed_tokens (forget_at);

CREATE TABLE jwt_templates (
    instance_id        TEXT   NOT NULL,
    id                 TEXT   NOT NULL,
    version            BIGINT NOT NULL,
    name               TEXT   NOT NULL,
    claims             TEXT   NOT NULL,
    lifetime_seconds   BIGINT NOT NULL,
    clock_skew_seconds BIGINT NOT NULL,
    signing_algorithm  TEXT,
    signing_key        TEXT,
    created_at         BIGINT NOT NULL,
    updated_at         BIGINT NOT NULL,
    PRIMARY KEY (instance_id, id)
);

CREATE UNIQUE INDEX jwt_templates_by_name ON jwt_templates (instance_id, name);

-- Sign-in tokens and actor tokens.
CREATE TABLE tickets (
    instance_id         TEXT   NOT NULL,
    id                  TEXT   NOT NULL,
    version             BIGINT NOT NULL,
    purpose             TEXT   NOT NULL,
    user_id             TEXT   NOT NULL,
    digest              TEXT   NOT NULL,
    status              TEXT   NOT NULL,
    actor               TEXT,
    session_seconds_max BIGINT,
    expire_at           BIGINT NOT NULL,
    created_at          BIGINT NOT NULL,
    updated_at          BIGINT NOT NULL,
    PRIMARY KEY (instance_id, id)
);

CREATE UNIQUE INDEX tickets_by_digest ON tickets (instance_id, digest);
CREATE INDEX tickets_by_user ON tickets (instance_id, user_id);
-- Passwords, TOTP and backup codes of users, and how often they were guessed at. A row has the id of its user, and there is
-- none for a user who has none of them and was never guessed at. What is secret is sealed with a key that is not in the
-- database; the rest is the state that an answer tells of.
CREATE TABLE credentials (
    instance_id             TEXT   NOT NULL,
    id                      TEXT   NOT NULL,
    password                TEXT,
    password_updated_at     BIGINT,
    password_compromised_at BIGINT,
    totp_secret             TEXT,
    totp_since              BIGINT,
    totp_last_step          BIGINT,
    backup_codes            TEXT,
    backup_codes_left       BIGINT NOT NULL,
    failed_attempts         BIGINT NOT NULL,
    lockout_until           BIGINT,
    created_at              BIGINT NOT NULL,
    PRIMARY KEY (instance_id, id)
);

-- For sealing again with a newer key.
CREATE INDEX credentials_by_age ON credentials (created_at, instance_id, id);

-- When one factor of a user was tried in vain; of a client that is known, apart from those of everybody else, whose client is ''.
CREATE TABLE guess_windows (
    instance_id TEXT   NOT NULL,
    user_id     TEXT   NOT NULL,
    factor      TEXT   NOT NULL,
    client_id   TEXT   NOT NULL,
    version     BIGINT NOT NULL,
    failures    TEXT   NOT NULL,
    changed_at  BIGINT NOT NULL,
    PRIMARY KEY (instance_id, user_id, factor, client_id)
);

CREATE INDEX guess_windows_by_age ON guess_windows (changed_at);
