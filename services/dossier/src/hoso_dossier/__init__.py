"""The service dossier: drafts, submissions, dossier codes and the status of every dossier."""
