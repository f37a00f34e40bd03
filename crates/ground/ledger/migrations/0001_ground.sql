-- Everything that is dear to change later: workspaces, external ids, events, the graph, access, leases.
CREATE TABLE workspace (
    id         BIGINT NOT NULL PRIMARY KEY,
    uid        TEXT NOT NULL UNIQUE,
    name       TEXT NOT NULL UNIQUE,
    description TEXT,
    -- Where clients of this workspace keep artifacts themselves; NULL means the server's own store.
    artifact_root TEXT,
    created_at BIGINT NOT NULL,
    -- The row stays, so that its number is never used again; the name is free.
    deleted BOOLEAN NOT NULL DEFAULT FALSE
);

-- What a protocol calls a thing: (door, kind, external) names one internal uid within a workspace.
CREATE TABLE external_id (
    workspace_id BIGINT NOT NULL,
    door         TEXT NOT NULL,
    kind         TEXT NOT NULL,
    external     TEXT NOT NULL,
    internal     TEXT NOT NULL,
    PRIMARY KEY (workspace_id, door, kind, external)
);
CREATE INDEX external_id_internal ON external_id (workspace_id, internal);

-- Writers insert without a position; the sealer gives dense positions and chained hashes.
CREATE TABLE event (
    id           @id@,
    position     BIGINT UNIQUE,
    workspace_id BIGINT NOT NULL,
    at           BIGINT NOT NULL,
    actor        TEXT NOT NULL,
    kind         TEXT NOT NULL,
    version      BIGINT NOT NULL,
    subject      TEXT NOT NULL,
    payload      TEXT NOT NULL,
    hash         TEXT
);
CREATE INDEX event_unsealed ON event (id) WHERE position IS NULL;
CREATE INDEX event_subject ON event (workspace_id, subject, id);

CREATE TABLE event_cursor (
    workspace_id BIGINT NOT NULL,
    name         TEXT NOT NULL,
    position     BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, name)
);

CREATE TABLE node (
    id           @id@,
    workspace_id BIGINT NOT NULL,
    kind         TEXT NOT NULL,
    key          TEXT NOT NULL,
    props        TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    UNIQUE (workspace_id, kind, key)
);

-- From the effect to its cause.
CREATE TABLE edge (
    workspace_id BIGINT NOT NULL,
    from_node    BIGINT NOT NULL REFERENCES node (id),
    kind         TEXT NOT NULL,
    to_node      BIGINT NOT NULL REFERENCES node (id),
    created_at   BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, from_node, kind, to_node)
);
CREATE INDEX edge_reverse ON edge (workspace_id, to_node, kind, from_node);

CREATE TABLE account (
    id            @id@,
    workspace_id  BIGINT NOT NULL,
    name          TEXT NOT NULL,
    role          TEXT NOT NULL,
    -- Salted and slow; NULL while the account signs in with tokens only.
    password_hash TEXT,
    disabled      BOOLEAN NOT NULL,
    created_at    BIGINT NOT NULL,
    UNIQUE (workspace_id, name)
);

CREATE TABLE access_token (
    id           @id@,
    workspace_id BIGINT NOT NULL,
    uid          TEXT NOT NULL UNIQUE,
    account_id   BIGINT NOT NULL REFERENCES account (id),
    label        TEXT NOT NULL,
    -- SHA-256 of the secret part, which has 256 random bits: a slow hash would add nothing.
    token_hash   TEXT NOT NULL,
    scopes       TEXT,
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT,
    revoked_at   BIGINT
);

-- A named set of grants that its members hold. One with an owner holds what was granted to that account itself.
CREATE TABLE access_group (
    id           @id@,
    workspace_id BIGINT NOT NULL,
    name         TEXT NOT NULL,
    description  TEXT,
    owner_id     BIGINT REFERENCES account (id),
    created_at   BIGINT NOT NULL,
    UNIQUE (workspace_id, name)
);

CREATE TABLE access_grant (
    id           @id@,
    workspace_id BIGINT NOT NULL,
    group_id     BIGINT NOT NULL REFERENCES access_group (id),
    kind         TEXT NOT NULL,
    -- An id, or * for all of the kind.
    pattern      TEXT NOT NULL,
    -- none, read, use, edit, manage, or deny.
    level        TEXT NOT NULL,
    UNIQUE (workspace_id, group_id, kind, pattern)
);
CREATE INDEX access_grant_resource ON access_grant (workspace_id, kind, pattern);

CREATE TABLE group_member (
    id           @id@,
    workspace_id BIGINT NOT NULL,
    account_id   BIGINT NOT NULL REFERENCES account (id),
    group_id     BIGINT NOT NULL REFERENCES access_group (id),
    UNIQUE (workspace_id, account_id, group_id)
);
CREATE INDEX group_member_group ON group_member (workspace_id, group_id);

-- Moved by every change of the tables above, so that servers that share the database forget what they know.
CREATE TABLE access_version (
    workspace_id BIGINT NOT NULL,
    version      BIGINT NOT NULL,
    PRIMARY KEY (workspace_id)
);

-- Secrets that protocols need in the clear (SigV4), encrypted under the master key.
CREATE TABLE signing_secret (
    id           @id@,
    workspace_id BIGINT NOT NULL,
    account_id   BIGINT NOT NULL REFERENCES account (id),
    access_key   TEXT NOT NULL UNIQUE,
    key_version  BIGINT NOT NULL,
    nonce        BYTEA NOT NULL,
    sealed       BYTEA NOT NULL,
    created_at   BIGINT NOT NULL,
    revoked_at   BIGINT
);

-- Approval rules as data: `write` refuses a named transition whose guard does not hold.
CREATE TABLE guard (
    id           @id@,
    workspace_id BIGINT NOT NULL,
    transition   TEXT NOT NULL,
    subject      TEXT NOT NULL,
    least_role   TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    UNIQUE (workspace_id, transition, subject)
);

CREATE TABLE lease (
    workspace_id BIGINT NOT NULL,
    name         TEXT NOT NULL,
    holder       TEXT NOT NULL,
    fence        BIGINT NOT NULL,
    until        BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, name)
);
