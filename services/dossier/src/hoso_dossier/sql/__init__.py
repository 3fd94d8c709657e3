"""The database of dossier, one file after the other."""
