-- Splits the two large tables into 16 hash partitions each: identities by id, logins by the hash of provider and subject. Not by
-- pool and hash: for several logins at once PostgreSQL would look into all partitions. For PostgreSQL 14 and later.
-- docs/scale.md says when this is worth it. Stop all nodes first, and let it be one transaction, as the tables' owner:
--
--     psql -1 -v ON_ERROR_STOP=1 -f scripts/partition.sql postgres://...
--
-- While it runs it needs as much disk again as the two tables have. The names of the partitions matter: by them the nodes know
-- the unique key of logins, for which two first sign-ins of one person race.

ALTER TABLE identities RENAME TO identities_whole;
CREATE TABLE identities (LIKE identities_whole) PARTITION BY HASH (id);

ALTER TABLE logins RENAME TO logins_whole;
CREATE TABLE logins (LIKE logins_whole) PARTITION BY HASH (hash);

DO $$ BEGIN
    FOR i IN 0..15 LOOP
        EXECUTE format('CREATE TABLE identities_p%s PARTITION OF identities FOR VALUES WITH (MODULUS 16, REMAINDER %s)', i, i);
        EXECUTE format('CREATE TABLE logins_p%s PARTITION OF logins FOR VALUES WITH (MODULUS 16, REMAINDER %s)', i, i);
    END LOOP;
END $$;

INSERT INTO identities (id, pool, disabled, epoch, created, modified)
    SELECT id, pool, disabled, epoch, created, modified FROM identities_whole;
INSERT INTO logins (pool, hash, identity, provider, subject, linked)
    SELECT pool, hash, identity, provider, subject, linked FROM logins_whole;
DROP TABLE identities_whole;
DROP TABLE logins_whole;

-- The same keys and indexes as before, under the same names.
ALTER TABLE identities ADD CONSTRAINT identities_pkey PRIMARY KEY (id);
CREATE INDEX identities_by_pool ON identities (pool, id);
ALTER TABLE logins ADD CONSTRAINT logins_pkey PRIMARY KEY (pool, hash);
CREATE INDEX logins_by_identity ON logins (identity);
