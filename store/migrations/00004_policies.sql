-- Managed policies, who has them, and the boundaries of roles.

-- +goose Up

-- name_key is the name in lower case, as bytes, in whose order lists go. arn is exact, in the letters that path and name were
-- given in. unique_id (ANPA...) is never used again; neither are the numbers of versions, of which last_version is the
-- greatest that there ever was.
CREATE TABLE policies (
    account         TEXT   NOT NULL,
    name_key        BYTEA  NOT NULL,
    name            TEXT   NOT NULL,
    path            TEXT   NOT NULL,
    arn             TEXT   NOT NULL,
    unique_id       TEXT   NOT NULL,
    description     TEXT   NOT NULL,
    tags            TEXT   NOT NULL,
    default_version BIGINT NOT NULL,
    last_version    BIGINT NOT NULL,
    created         BIGINT NOT NULL,
    updated         BIGINT NOT NULL,
    PRIMARY KEY (account, name_key)
);
CREATE UNIQUE INDEX policies_by_arn ON policies (arn);
CREATE UNIQUE INDEX policies_by_unique_id ON policies (unique_id);

-- policy is the policy's unique_id.
CREATE TABLE policy_versions (
    policy   TEXT   NOT NULL,
    version  BIGINT NOT NULL,
    document TEXT   NOT NULL,
    created  BIGINT NOT NULL,
    PRIMARY KEY (policy, version)
);

-- entity is the unique_id of a role or a user, as kind says: users can be renamed. policy is an ARN: those that are built in
-- have no row in policies.
CREATE TABLE policy_attachments (
    account TEXT NOT NULL,
    kind    TEXT NOT NULL,
    entity  TEXT NOT NULL,
    policy  TEXT NOT NULL,
    PRIMARY KEY (entity, policy)
);
CREATE INDEX policy_attachments_by_policy ON policy_attachments (account, policy);

-- boundary is the ARN of a policy, or empty; users have theirs.
ALTER TABLE roles ADD COLUMN boundary TEXT NOT NULL DEFAULT '';
CREATE INDEX roles_by_boundary ON roles (account, boundary);
CREATE INDEX users_by_boundary ON users (account, boundary);

-- +goose Down
DROP INDEX users_by_boundary;
DROP INDEX roles_by_boundary;
ALTER TABLE roles DROP COLUMN boundary;
DROP TABLE policy_attachments;
DROP TABLE policy_versions;
DROP TABLE policies;
