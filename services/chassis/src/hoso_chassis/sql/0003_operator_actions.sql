-- Who did what to what had failed: one row an act, written in the transaction of its effect, kept 400 days. No personal data of
-- citizens: ids, types, reasons and places only.
CREATE TABLE operator_actions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    operator text NOT NULL,
    command text NOT NULL,
    item text NOT NULL,
    type text,
    reason text,
    origin text NOT NULL,
    outcome text NOT NULL
);
CREATE INDEX operator_actions_at ON operator_actions (at);
CREATE INDEX operator_actions_item ON operator_actions (item);

-- Whether the inbox row of a letter's event is its own, also when a later try failed at decoding.
ALTER TABLE dead_letters ADD COLUMN taken_in boolean NOT NULL DEFAULT false;
