"""The one way to write: saved views and exports."""
