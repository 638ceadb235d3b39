"""The API of exports and their scheduled delivery."""
