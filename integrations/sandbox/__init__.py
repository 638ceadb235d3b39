"""Fakes of ad platforms that keep state and speak the vendors' HTTP shapes: the demo's sandbox, and what tests call.

Pure: no ORM, no clock. Where the state lies between two calls is the caller's business.
"""
