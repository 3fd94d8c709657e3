-- One row per file. The row is there before the object and goes after it, so that no object is ever without a row.
CREATE TABLE attachments (
    id uuid PRIMARY KEY,
    draft_id uuid NOT NULL,
    component text NOT NULL,
    subject text NOT NULL,
    sha256 bytea NOT NULL CHECK (octet_length(sha256) = 32),
    size integer NOT NULL CHECK (size BETWEEN 1 AND 5242880),
    media_type text NOT NULL,
    state text NOT NULL CHECK (state IN ('receiving', 'stored', 'expired', 'bound', 'scanned', 'lost')),
    verdict text CHECK ((verdict IS NOT NULL) = (state = 'scanned')),
    -- Scope of the Idempotency-Key while the object is being written: a second request finds the first in flight.
    upload_scope bytea,
    -- When housekeeping may take it; none once it belongs to a dossier.
    delete_after timestamptz CHECK ((delete_after IS NULL) = (state IN ('bound', 'scanned', 'lost'))),
    created_at timestamptz NOT NULL
);
CREATE INDEX attachments_draft ON attachments (draft_id, id);
CREATE INDEX attachments_subject ON attachments (subject, created_at);
CREATE INDEX attachments_delete_after ON attachments (delete_after) WHERE delete_after IS NOT NULL;
CREATE UNIQUE INDEX attachments_in_flight ON attachments (upload_scope) WHERE state = 'receiving';

-- What a dossier named in vain; remembered so that it is told once.
CREATE TABLE missing_attachments (
    draft_id uuid NOT NULL,
    attachment_id uuid NOT NULL,
    noted_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (draft_id, attachment_id)
);
