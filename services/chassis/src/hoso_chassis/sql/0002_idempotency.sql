-- What was answered to an Idempotency-Key: the immutable facts that the same answer is made of again, for 24 hours.
CREATE TABLE idempotency (
    scope bytea PRIMARY KEY,
    digest bytea NOT NULL,
    facts jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX idempotency_created_at ON idempotency (created_at);
