-- IAM users. The column username of access_keys holds a user's unique_id, empty for the account's root: keys follow a user
-- who is renamed, and a user made again under an old name gets none. It keeps its name because nodes of the version before,
-- which read it, may run on while they are replaced one by one.

-- +goose Up

-- name_key is the name in lower case, as bytes, in whose order lists go. unique_id (AIDA...) is never used again. boundary is
-- the ARN of a managed policy, empty for none.
CREATE TABLE users (
    account   TEXT   NOT NULL,
    name_key  BYTEA  NOT NULL,
    name      TEXT   NOT NULL,
    path      TEXT   NOT NULL,
    unique_id TEXT   NOT NULL,
    boundary  TEXT   NOT NULL,
    tags      TEXT   NOT NULL,
    created   BIGINT NOT NULL,
    PRIMARY KEY (account, name_key)
);
CREATE UNIQUE INDEX users_by_unique_id ON users (unique_id);

-- user_id is the user's unique_id.
CREATE TABLE user_policies (
    user_id  TEXT NOT NULL,
    name     TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (user_id, name)
);

-- +goose Down
DELETE FROM access_keys WHERE username <> '';
DROP TABLE user_policies;
DROP TABLE users;
