"""/api/v1 of the ground floor."""
