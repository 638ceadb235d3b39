"""The autopilot's API."""
