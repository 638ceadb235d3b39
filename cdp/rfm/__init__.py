"""RFM: how customers are scored by recency, frequency and monetary value. Pure."""
