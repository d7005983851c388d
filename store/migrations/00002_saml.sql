-- SAML 2.0: providers, and the assertions that were shown to us.

-- +goose Up

-- version is the account's version at the last change.
CREATE TABLE saml_providers (
    account     TEXT   NOT NULL,
    name        TEXT   NOT NULL,
    metadata    TEXT   NOT NULL,
    uuid        TEXT   NOT NULL,
    tags        TEXT   NOT NULL,
    version     BIGINT NOT NULL,
    created     BIGINT NOT NULL,
    valid_until BIGINT NOT NULL,
    PRIMARY KEY (account, name)
);

-- hash is SHA-256(entity ID of the provider, NUL, ID of the assertion). A row outlives its identity and its pool: what was used
-- stays used until expires, from when on nobody takes the assertion anyway.
CREATE TABLE saml_assertions (
    hash     BYTEA  NOT NULL PRIMARY KEY,
    pool     BIGINT NOT NULL,
    identity BYTEA  NOT NULL,
    expires  BIGINT NOT NULL
);
CREATE INDEX saml_assertions_by_identity ON saml_assertions (identity);
CREATE INDEX saml_assertions_by_expiry ON saml_assertions (expires);

-- +goose Down
DROP TABLE saml_assertions;
DROP TABLE saml_providers;
