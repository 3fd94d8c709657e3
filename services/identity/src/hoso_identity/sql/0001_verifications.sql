-- One row a question: what was asked about which dossier and what came of it. No personal data: the declared values stand
-- in the work row until the register has answered.
CREATE TABLE verifications (
    verification_id uuid PRIMARY KEY,
    dossier_id uuid NOT NULL,
    state text NOT NULL CHECK (state IN ('asked', 'answered', 'given-up')),
    verdict text CHECK (verdict IN ('verified', 'rejected')),
    asked_at timestamptz NOT NULL,
    answered_at timestamptz,
    changed_at timestamptz NOT NULL DEFAULT now(),
    CHECK ((state = 'answered') = (verdict IS NOT NULL)),
    CHECK ((verdict IS NULL) = (answered_at IS NULL))
);
-- What is deleted 30 days after its last change.
CREATE INDEX verifications_settled ON verifications (changed_at) WHERE state <> 'asked';
