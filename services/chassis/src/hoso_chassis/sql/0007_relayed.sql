-- What left here, so that a relay which takes the lead can compare with the log, and a restored database be told from one that was not.

-- How far Kafka has acknowledged: of each partition the row with the highest offset counts. Rows are added and deleted, never
-- updated: while an old snapshot is held open, a row that changes with every round is a chain which each change walks from its
-- beginning.
CREATE TABLE relayed (
    topic text NOT NULL,
    partition integer NOT NULL,
    next_offset bigint NOT NULL,
    is_first boolean NOT NULL DEFAULT false, -- being read for the first time: what is unknown there need not be forgotten
    PRIMARY KEY (topic, partition, next_offset)
);

-- Events found in the log that this database does not know: it had announced them before it was put back. No personal data.
CREATE TABLE forgotten_facts (
    id uuid PRIMARY KEY,
    topic text NOT NULL,
    partition integer NOT NULL,
    record_offset bigint NOT NULL,
    type text NOT NULL,
    subject text NOT NULL,
    sequence bigint,
    announced_at timestamptz NOT NULL,
    found_at timestamptz NOT NULL DEFAULT now()
);

-- Which life of the database this is, as it was when the relay last compared with the log.
CREATE TABLE incarnation (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    identity text NOT NULL,
    epoch integer NOT NULL DEFAULT 0, -- the highest that the operator's setting has had meanwhile
    restored_at timestamptz -- when it was last found to have been put back
);

-- Changes with another server's data folder, a promotion or a recovery to a point in time, another database, a restored dump.
-- The timeline is read from the log's name: the control file has it only after the next checkpoint.
CREATE FUNCTION current_incarnation() RETURNS text LANGUAGE sql STABLE AS $$
    SELECT concat_ws('/',
        (SELECT system_identifier FROM pg_control_system()),
        left(pg_walfile_name(pg_current_wal_lsn()), 8),
        (SELECT oid FROM pg_database WHERE datname = current_database()),
        pg_relation_filenode('incarnation'))
$$;
INSERT INTO incarnation (identity) VALUES (current_incarnation());
