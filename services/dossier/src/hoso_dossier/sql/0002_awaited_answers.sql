-- When each answer that a dossier waits for was asked for last, and how often: what the watchdog looks at.
ALTER TABLE dossiers ADD COLUMN verification_asked smallint NOT NULL DEFAULT 1;
ALTER TABLE attachments ADD COLUMN asked_at timestamptz NOT NULL DEFAULT now(),
                        ADD COLUMN asked smallint NOT NULL DEFAULT 1;
ALTER TABLE notifications ADD COLUMN asked_at timestamptz NOT NULL DEFAULT now(),
                          ADD COLUMN asked smallint NOT NULL DEFAULT 1;
-- Few rows, whatever the history is.
CREATE INDEX attachments_awaited ON attachments (asked_at) WHERE verdict IS NULL AND expired_at IS NULL;
CREATE INDEX notifications_awaited ON notifications (asked_at) WHERE state = 'requested';

-- Whether to ask again: after one period, then two, four, and so on, at least once a day (or a longer period).
CREATE FUNCTION is_overdue(asked_at timestamptz, asked smallint, period interval) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT asked_at <= now() - greatest(period, least(period * 2 ^ least(asked - 1, 20), interval '1 day'))
$$;
