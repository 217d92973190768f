-- 0002 staff: settings of the house, the people who work here, how they come in.
-- A session or token is known by the SHA-256 of its secret; the secret itself is never stored.

CREATE TABLE setting (
    name       {{text}} PRIMARY KEY,
    value      {{text}} NOT NULL,
    changed_ms {{int}}  NOT NULL,
    staff_id   {{int}}
){{strict}};

CREATE TABLE staff (
    id            {{id}},
    email         {{text}} NOT NULL UNIQUE, -- normal form
    name          {{text}} NOT NULL,
    role          {{text}} NOT NULL CHECK (role IN ('owner', 'administrator', 'manager', 'agent', 'operator', 'marketer', 'risk', 'privacy', 'branch')),
    password      {{text}} NOT NULL,        -- Argon2id encoded; '' = cannot log in
    lang          {{text}} NOT NULL DEFAULT 'en',
    theme         {{text}} NOT NULL DEFAULT 'system' CHECK (theme IN ('system', 'light', 'dark')),
    text_size     {{int}}  NOT NULL DEFAULT 100 CHECK (text_size BETWEEN 100 AND 150),
    has_keys      {{int}}  NOT NULL DEFAULT 1, -- single-letter keys on
    has_sound     {{int}}  NOT NULL DEFAULT 1,
    is_active     {{int}}  NOT NULL DEFAULT 1,
    is_ready      {{int}}  NOT NULL DEFAULT 1,
    created_ms    {{int}}  NOT NULL,
    changed_ms    {{int}}  NOT NULL,
    version       {{int}}  NOT NULL DEFAULT 1
){{strict}};
CREATE INDEX staff_by_name ON staff (name); -- a ring may name its desk

CREATE TABLE staff_extension (
    extension {{text}} NOT NULL,
    staff_id  {{int}}  NOT NULL REFERENCES staff (id) ON DELETE CASCADE,
    PRIMARY KEY (extension, staff_id)
){{strict_rowidless}};
CREATE INDEX staff_extension_by_staff ON staff_extension (staff_id);

-- Call queues a person serves, by the name the telephone system uses.
CREATE TABLE staff_queue (
    queue    {{text}} NOT NULL,
    staff_id {{int}}  NOT NULL REFERENCES staff (id) ON DELETE CASCADE,
    PRIMARY KEY (queue, staff_id)
){{strict_rowidless}};
CREATE INDEX staff_queue_by_staff ON staff_queue (staff_id);

CREATE TABLE session (
    id         {{id}},
    hash       {{blob}} NOT NULL UNIQUE,
    staff_id   {{int}}  NOT NULL REFERENCES staff (id) ON DELETE CASCADE,
    created_ms {{int}}  NOT NULL,
    seen_ms    {{int}}  NOT NULL,
    peer       {{text}} NOT NULL,
    agent      {{text}} NOT NULL
){{strict}};
CREATE INDEX session_by_staff ON session (staff_id);

CREATE TABLE token (
    id         {{id}},
    name       {{text}} NOT NULL,
    hash       {{blob}} NOT NULL UNIQUE,
    role       {{text}} NOT NULL,
    scopes     {{int}}  NOT NULL,
    created_ms {{int}}  NOT NULL,
    created_by {{int}},
    expires_ms {{int}},
    revoked_ms {{int}}
){{strict}};

-- A browser that logged a person in before: its tries to log in are counted apart from strangers', so that nobody can
-- shut a person out by guessing at his password from elsewhere.
CREATE TABLE staff_device (
    hash     {{blob}} PRIMARY KEY,
    staff_id {{int}}  NOT NULL REFERENCES staff (id) ON DELETE CASCADE,
    made_ms  {{int}}  NOT NULL,
    seen_ms  {{int}}  NOT NULL
){{strict}};
CREATE INDEX staff_device_by_staff ON staff_device (staff_id);

-- Whoever changes roles takes this row first, so that two changes at once never leave the house without an owner.
INSERT INTO setting (name, value, changed_ms) VALUES ('role_lock', '', 0);

-- Who saw and changed whose record.
CREATE INDEX audit_by_customer ON audit (customer_id, id) WHERE customer_id <> 0;
