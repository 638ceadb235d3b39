"""Pipedrive: client, shapes, mapping, sync."""
