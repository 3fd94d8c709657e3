"""Only its modules are used."""
