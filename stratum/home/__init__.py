"""The first page, from registered cards."""
