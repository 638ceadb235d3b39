"""The one way to write: what is announced, to whom, and what becomes of it."""
