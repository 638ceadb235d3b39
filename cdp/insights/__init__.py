"""Insights as statistics with their evidence: pure, without Django, clock or engine.

Counts come in as `material.Material`; `report.judge` answers with the findings that survive the correction for
everything that was tested.
"""
