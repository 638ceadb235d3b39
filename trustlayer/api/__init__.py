"""The API of the trust layer, a room for each noun."""
