"""Pages of accounts, settings and jobs."""
