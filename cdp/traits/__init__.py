"""Computed traits: what a definition asks of the engine, and what the answers come to. Pure."""
