"""Forms of what lies beyond our walls: they parse; services decide."""
