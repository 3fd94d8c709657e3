-- Delivery: what leaves (outbox), what came in (inbox, positions), what failed (dead letters), what is to be done (work).

-- The last sequence given out per stream, taken under the row lock of the aggregate.
CREATE TABLE streams (
    topic text NOT NULL,
    subject uuid NOT NULL,
    sequence bigint NOT NULL,
    PRIMARY KEY (topic, subject)
);

-- Rows wait here until Kafka has acknowledged them, then they are deleted: the table stays as small as the backlog.
CREATE TABLE outbox (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic text NOT NULL,
    type text NOT NULL,
    key bytea NOT NULL,
    value bytea NOT NULL,
    headers jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- Who may relay. A holder that was stopped and woke up finds a higher fence and may not delete any more.
CREATE TABLE leases (
    name text PRIMARY KEY,
    holder uuid NOT NULL,
    fence bigint NOT NULL,
    expires_at timestamptz NOT NULL
);

-- The next offset of every partition, moved in the same transaction as the state that the records changed.
CREATE TABLE positions (
    consumer_group text NOT NULL,
    topic text NOT NULL,
    partition integer NOT NULL,
    next_offset bigint NOT NULL,
    PRIMARY KEY (consumer_group, topic, partition)
);

-- Which events were taken in; drops what a producer sent twice. Old partitions are dropped whole.
CREATE TABLE inbox (
    source text NOT NULL,
    id uuid NOT NULL,
    time timestamptz NOT NULL,
    PRIMARY KEY (time, source, id)
) PARTITION BY RANGE (time);
CREATE TABLE inbox_other PARTITION OF inbox DEFAULT;

-- Failures that look like our own fault, in a row and over restarts: too many halt the consumer.
CREATE TABLE consumer_faults (
    consumer_group text PRIMARY KEY,
    in_a_row integer NOT NULL
);

CREATE TABLE dead_letters (
    id uuid PRIMARY KEY,
    consumer_group text NOT NULL,
    topic text NOT NULL,
    partition integer NOT NULL,
    record_offset bigint NOT NULL,
    record_time timestamptz NOT NULL,
    key bytea,
    value bytea,
    header_names text[] NOT NULL,
    header_values bytea[] NOT NULL,
    type text,
    reason text NOT NULL,
    detail text NOT NULL,
    attempts integer NOT NULL DEFAULT 1,
    died_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX dead_letters_died_at ON dead_letters (died_at);

-- Calls to the outside. Only the oldest live row of a key runs; settled rows are deleted, dead ones stay visible.
CREATE TABLE work (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL,
    key text NOT NULL,
    subject uuid NOT NULL,
    payload bytea,
    state text NOT NULL DEFAULT 'ready' CHECK (state IN ('ready', 'running', 'dead')),
    attempts integer NOT NULL DEFAULT 0,
    run_at timestamptz NOT NULL DEFAULT now(),
    lease_until timestamptz,
    expires_at timestamptz NOT NULL,
    last_error text,
    died_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    traceparent text,
    correlation_id uuid,
    causation_id uuid,
    replay_id text
);
CREATE INDEX work_due ON work (kind, run_at) WHERE state <> 'dead';
CREATE INDEX work_live_key ON work (key, id) WHERE state <> 'dead';
CREATE INDEX work_dead ON work (kind, subject) WHERE state = 'dead';
