"""Help: where answers are, and a conversation with the people behind Stratum."""
