"""Ingestion: events per second through gunicorn into PostgreSQL: `python -m benchmarks.ingest`."""
