"""Computed traits measured: evaluated for everybody beside ClickHouse, written, kept current, previewed."""
