"""Writes of the autopilot."""
