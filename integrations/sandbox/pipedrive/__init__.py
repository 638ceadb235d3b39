"""A Pipedrive that keeps state: for tests, benchmarks and the demo workspace.

Calls, costs, limits and shapes are those of Pipedrive's own specification; what only a live account could settle is a
switch of `Habits`.
"""

from integrations.sandbox.pipedrive.company import Company, Habits, dump, founded, load
from integrations.sandbox.pipedrive.fake import FakePipedrive

__all__ = ["Company", "FakePipedrive", "Habits", "dump", "founded", "load"]
