"""Background work of the trust layer."""
