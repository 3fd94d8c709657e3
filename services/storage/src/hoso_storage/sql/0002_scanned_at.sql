-- When the verdict was given, so that it can be told again as it was; unknown of verdicts from before.
ALTER TABLE attachments ADD COLUMN scanned_at timestamptz CHECK (scanned_at IS NULL OR state = 'scanned');
