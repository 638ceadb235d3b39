"""The one way to read."""
