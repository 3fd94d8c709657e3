"""Speed, always as a ratio to a limit that is measured in the same run; the rules stand in docs/performance.md."""
