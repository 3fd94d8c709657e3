-- One row a notification: what was asked for and how it ended. No personal data: the recipient stands in the work row until
-- the notification is settled.
CREATE TABLE notifications (
    notification_id uuid PRIMARY KEY,
    dossier_id uuid NOT NULL,
    channel text NOT NULL,
    template text NOT NULL,
    occasion text NOT NULL,
    state text NOT NULL CHECK (state IN ('asked', 'sent', 'failed', 'unknown')),
    reason text CHECK (reason IN ('rejected', 'expired')),
    segments integer,
    encoding text,
    asked_at timestamptz NOT NULL,
    settled_at timestamptz,
    changed_at timestamptz NOT NULL DEFAULT now(),
    CHECK ((state = 'asked') = (settled_at IS NULL)),
    CHECK ((state = 'failed') = (reason IS NOT NULL))
);
-- What is deleted 30 days after it was settled.
CREATE INDEX notifications_settled ON notifications (changed_at) WHERE state <> 'asked';
