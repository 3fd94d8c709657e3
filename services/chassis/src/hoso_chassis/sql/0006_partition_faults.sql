-- Faults in a row, kept over restarts: of each partition how many since its reader's last good record.
-- It takes the place of consumer_faults, which code before this one still writes; a later migration drops that one.
CREATE TABLE partition_faults (
    consumer_group text NOT NULL,
    topic text NOT NULL,
    partition integer NOT NULL,
    in_a_row integer NOT NULL,
    PRIMARY KEY (consumer_group, topic, partition)
);
