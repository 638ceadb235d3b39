"""Forms of the customer data rooms."""
