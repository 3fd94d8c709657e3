-- Drafts, dossiers and what happened to them. Personal data: drafts.answers, dossiers.answers, email, phone, and
-- what an officer may have written into status_changes.detail.

CREATE TABLE drafts (
    id uuid PRIMARY KEY,
    owner text NOT NULL,
    procedure text NOT NULL,
    procedure_version integer NOT NULL,
    answers json NOT NULL, -- as given: jsonb would write 1e308 out in 309 digits
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX drafts_expires_at ON drafts (expires_at);

-- The next number that nobody has taken. One row a day for each prefix and epoch.
CREATE TABLE code_blocks (
    prefix text NOT NULL,
    day date NOT NULL,
    epoch integer NOT NULL,
    next bigint NOT NULL,
    PRIMARY KEY (prefix, day, epoch)
);

CREATE TABLE dossiers (
    id uuid PRIMARY KEY,
    code text NOT NULL,
    procedure text NOT NULL,
    procedure_version integer NOT NULL,
    procedure_name text NOT NULL,
    procedure_case text NOT NULL,
    agency text NOT NULL,
    owner text NOT NULL,
    channel text NOT NULL,
    status smallint NOT NULL,
    version integer NOT NULL,
    submitted_at timestamptz NOT NULL,
    moved_at timestamptz NOT NULL,
    due_at timestamptz,
    verification_id uuid NOT NULL,
    verification_answer text NOT NULL CHECK (verification_answer IN ('awaited', 'verified', 'rejected')),
    verification_answered_at timestamptz,
    verification_asked_at timestamptz NOT NULL,
    correlation_id uuid NOT NULL,
    email text,
    phone text,
    answers jsonb NOT NULL,
    CONSTRAINT dossiers_code UNIQUE (code)
);
-- What the watchdog looks for: few rows, whatever the history is.
CREATE INDEX dossiers_awaiting_identity ON dossiers (verification_asked_at)
    WHERE verification_answer = 'awaited' AND status IN (1, 5);

CREATE TABLE attachments (
    dossier_id uuid NOT NULL REFERENCES dossiers (id) ON DELETE CASCADE,
    id uuid NOT NULL,
    component text NOT NULL,
    sha256 text NOT NULL,
    size bigint NOT NULL,
    media_type text NOT NULL,
    stored_at timestamptz,
    verdict text,
    verdict_at timestamptz,
    expired_at timestamptz,
    PRIMARY KEY (dossier_id, id)
);

CREATE TABLE notifications (
    dossier_id uuid NOT NULL REFERENCES dossiers (id) ON DELETE CASCADE,
    id uuid NOT NULL,
    channel text NOT NULL,
    occasion text NOT NULL,
    template text NOT NULL,
    requested_at timestamptz NOT NULL,
    state text NOT NULL CHECK (state IN ('requested', 'delivered', 'failed')),
    reason text,
    settled_at timestamptz,
    PRIMARY KEY (dossier_id, id)
);

CREATE TABLE status_changes (
    dossier_id uuid NOT NULL REFERENCES dossiers (id) ON DELETE CASCADE,
    version integer NOT NULL,
    previous smallint,
    status smallint NOT NULL,
    at timestamptz NOT NULL,
    actor_kind text NOT NULL,
    actor_id text,
    unit text,
    reason text,
    detail text,
    receipt text,
    PRIMARY KEY (dossier_id, version)
);

CREATE TABLE receipts (
    number text PRIMARY KEY,
    dossier_id uuid NOT NULL REFERENCES dossiers (id) ON DELETE CASCADE,
    form text NOT NULL,
    issued_at timestamptz NOT NULL,
    due_at timestamptz
);
CREATE INDEX receipts_dossier ON receipts (dossier_id);

-- What people are shown. The key makes the same thing said twice one line.
CREATE TABLE timeline (
    dossier_id uuid NOT NULL REFERENCES dossiers (id) ON DELETE CASCADE,
    at timestamptz NOT NULL,
    kind text NOT NULL,
    about uuid NOT NULL,
    told jsonb NOT NULL,
    position bigint GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (dossier_id, at, kind, about)
);
