"""Reads of the autopilot."""
