"""A Django database backend that starts the embedded server when a connection needs it."""
