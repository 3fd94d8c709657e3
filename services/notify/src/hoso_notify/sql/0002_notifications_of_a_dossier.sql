-- The messages about one dossier: read when a request is redriven, and when somebody asks what a citizen was told.
CREATE INDEX notifications_dossier ON notifications (dossier_id, channel);
