"""Pages of the autopilot."""
