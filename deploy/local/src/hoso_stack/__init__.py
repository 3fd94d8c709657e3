"""Hoso's native local stack; importing it starts nothing."""
