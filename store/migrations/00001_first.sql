-- The first schema. Written in what SQLite and PostgreSQL (and engines that speak its protocol) have in common: no
-- sequence, no extension, no engine's own type. Times are milliseconds since 1970 in UTC. Lists and maps that are only
-- ever read whole are JSON. "sealed" columns hold what the master key named in "master" has sealed.

-- +goose Up

-- What the deployment was started with: issuer URL, first account, whether --dev made it.
CREATE TABLE settings (
    name  TEXT  NOT NULL PRIMARY KEY,
    value BYTEA NOT NULL
);

-- version is another number after every change to an account's IAM; caches go by it.
CREATE TABLE accounts (
    id      TEXT   NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    created BIGINT NOT NULL
);

-- An empty username is the account's root.
CREATE TABLE access_keys (
    id       TEXT   NOT NULL PRIMARY KEY,
    account  TEXT   NOT NULL,
    username TEXT   NOT NULL,
    status   TEXT   NOT NULL,
    sealed   BYTEA  NOT NULL,
    master   BYTEA  NOT NULL,
    created  BIGINT NOT NULL
);
CREATE INDEX access_keys_by_user ON access_keys (account, username);

-- state is next, current or retired; at most one key is next and one is current, so that of many nodes that start at
-- once one makes the key and the others read it.
CREATE TABLE signing_keys (
    kid         TEXT   NOT NULL PRIMARY KEY,
    alg         TEXT   NOT NULL,
    state       TEXT   NOT NULL,
    sealed      BYTEA  NOT NULL,
    master      BYTEA  NOT NULL,
    certificate BYTEA  NOT NULL,
    created     BIGINT NOT NULL,
    changed     BIGINT NOT NULL
);
CREATE UNIQUE INDEX signing_keys_one_each ON signing_keys (state) WHERE state <> 'retired';

CREATE TABLE sealing_keys (
    id      BIGINT NOT NULL PRIMARY KEY,
    state   TEXT   NOT NULL,
    sealed  BYTEA  NOT NULL,
    master  BYTEA  NOT NULL,
    created BIGINT NOT NULL,
    changed BIGINT NOT NULL
);
CREATE UNIQUE INDEX sealing_keys_one_each ON sealing_keys (state) WHERE state <> 'retired';

-- name is the issuer without its scheme, as it stands in the ARN. version is the account's version at the last change.
CREATE TABLE oidc_providers (
    account     TEXT   NOT NULL,
    name        TEXT   NOT NULL,
    issuer      TEXT   NOT NULL,
    client_ids  TEXT   NOT NULL,
    thumbprints TEXT   NOT NULL,
    tags        TEXT   NOT NULL,
    version     BIGINT NOT NULL,
    created     BIGINT NOT NULL,
    PRIMARY KEY (account, name)
);

-- name_key is the name in lower case: IAM does not tell names apart by case. unique_id (AROA...) outlives nothing: a role
-- made again under its name has another.
CREATE TABLE roles (
    account     TEXT   NOT NULL,
    name_key    TEXT   NOT NULL,
    name        TEXT   NOT NULL,
    path        TEXT   NOT NULL,
    unique_id   TEXT   NOT NULL,
    trust       TEXT   NOT NULL,
    description TEXT   NOT NULL,
    max_session BIGINT NOT NULL,
    tags        TEXT   NOT NULL,
    epoch       BIGINT NOT NULL,
    created     BIGINT NOT NULL,
    PRIMARY KEY (account, name_key)
);
CREATE UNIQUE INDEX roles_by_unique_id ON roles (unique_id);

CREATE TABLE role_policies (
    account  TEXT NOT NULL,
    role_key TEXT NOT NULL,
    name     TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (account, role_key, name)
);

-- key is random, 63 bits, and never used again. A deleted pool's row stays: its id is reserved for its account.
CREATE TABLE pools (
    key      BIGINT NOT NULL PRIMARY KEY,
    id       BYTEA  NOT NULL,
    account  TEXT   NOT NULL,
    region   TEXT   NOT NULL,
    name     TEXT   NOT NULL,
    settings TEXT   NOT NULL,
    version  BIGINT NOT NULL,
    epoch    BIGINT NOT NULL,
    created  BIGINT NOT NULL,
    deleted  BIGINT NOT NULL,
    swept    BIGINT NOT NULL
);
CREATE UNIQUE INDEX pools_live ON pools (region, id) WHERE deleted = 0;
CREATE INDEX pools_by_id ON pools (region, id);
CREATE INDEX pools_by_account ON pools (account, region, id);
CREATE INDEX pools_unswept ON pools (deleted) WHERE deleted <> 0 AND swept = 0;

-- Order and pages go by the bytes of the id.
CREATE TABLE identities (
    id       BYTEA   NOT NULL PRIMARY KEY,
    pool     BIGINT  NOT NULL,
    disabled BOOLEAN NOT NULL,
    epoch    BIGINT  NOT NULL,
    created  BIGINT  NOT NULL,
    modified BIGINT  NOT NULL
);
CREATE INDEX identities_by_pool ON identities (pool, id);

-- hash is SHA-256(provider, NUL, subject). Provider and subject are bytes: strangers choose them, and NUL is legal.
CREATE TABLE logins (
    pool     BIGINT NOT NULL,
    hash     BYTEA  NOT NULL,
    identity BYTEA  NOT NULL,
    provider BYTEA  NOT NULL,
    subject  BYTEA  NOT NULL,
    linked   BIGINT NOT NULL,
    PRIMARY KEY (pool, hash)
);
CREATE INDEX logins_by_identity ON logins (identity);

-- +goose Down
DROP TABLE logins;
DROP TABLE identities;
DROP TABLE pools;
DROP TABLE role_policies;
DROP TABLE roles;
DROP TABLE oidc_providers;
DROP TABLE sealing_keys;
DROP TABLE signing_keys;
DROP TABLE access_keys;
DROP TABLE accounts;
DROP TABLE settings;
