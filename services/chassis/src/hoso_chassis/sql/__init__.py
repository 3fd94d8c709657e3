"""The chassis' own tables, as migrations."""
