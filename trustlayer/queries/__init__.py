"""Readers of the trust layer: health as it is now, and the book."""
