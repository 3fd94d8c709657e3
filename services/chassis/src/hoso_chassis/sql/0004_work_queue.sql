-- The queue in depth. `waiting`: behind the head of its key, and in no index that a claim walks; whoever ends the head
-- makes the next one ready. Rows that nobody has looked at yet may stand behind their head as `ready`: the claim itself
-- looks for an older live row of the key, and puts them aside.
ALTER TABLE work DROP CONSTRAINT work_state_check;
ALTER TABLE work ADD CONSTRAINT work_state_check CHECK (state IN ('ready', 'waiting', 'running', 'dead'));
-- 0 urgent, 1 normal, 2 late.
ALTER TABLE work ADD COLUMN priority smallint NOT NULL DEFAULT 1 CHECK (priority BETWEEN 0 AND 2);
-- Claims in a row that were never settled: the process died, or slept, in the call.
ALTER TABLE work ADD COLUMN lost_claims smallint NOT NULL DEFAULT 0;

-- What is due, and what was claimed by somebody who never came back: apart, because each claim leaves an entry behind
-- at the end of its lease. `state || ''`, so that no other index fits what is asked of these, and these nothing else:
-- the planner takes a table of dead rows for empty, and then any index for as good as any other.
DROP INDEX work_due;
CREATE INDEX work_due ON work (kind, priority, run_at) WHERE state || '' = 'ready';
CREATE INDEX work_running ON work (kind, lease_until) WHERE state || '' = 'running';

-- Nothing live is due before `due_at`, so that a worker that starts need not read what was settled long ago. `side` is
-- a priority, or 3: leases.
CREATE TABLE work_floors (
    kind text NOT NULL,
    side smallint NOT NULL,
    due_at timestamptz NOT NULL,
    PRIMARY KEY (kind, side)
);

-- Calls that were begun, by target: only where a number of calls a second is set. Rows of the last seconds are read.
CREATE TABLE work_calls (
    target text NOT NULL,
    at timestamptz NOT NULL,
    calls integer NOT NULL
);
CREATE INDEX work_calls_at ON work_calls (target, at);
