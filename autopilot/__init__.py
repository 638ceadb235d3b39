"""Proposals, guard rails and the action queue."""
