"""The migrations of notify, as package data."""
