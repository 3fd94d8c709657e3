"""A package, so that pytest ends the fixtures of the folder with its last test."""
