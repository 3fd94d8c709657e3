"""The migrations of identity, as package data."""
