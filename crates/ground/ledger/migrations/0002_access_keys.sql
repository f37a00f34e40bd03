-- The table of 0001 was never written to; keys that belong to no account could not be kept in it.
DROP TABLE signing_secret;

-- Pairs of an id and a secret that sign requests (SigV4): the secret is needed in the clear, so it is sealed under the
-- master key, not hashed.
CREATE TABLE access_key (
    id           @id@,
    workspace_id BIGINT NOT NULL,
    access_key   TEXT NOT NULL UNIQUE,
    -- NULL: the root key, which speaks for the server's owner.
    account_id   BIGINT REFERENCES account (id),
    sealed       BYTEA NOT NULL,
    created_at   BIGINT NOT NULL
);
CREATE INDEX access_key_account ON access_key (workspace_id, account_id);
