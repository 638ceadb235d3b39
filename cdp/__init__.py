"""Customers, their events, and questions about them."""
