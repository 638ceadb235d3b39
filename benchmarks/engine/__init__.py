"""The analytics engine against other databases: the same events, the same questions, the same answers, one run.

`python -m benchmarks.engine --help` says how; the tables are in docs/performance.md.
"""
