"""SQL files of storage; no code."""
