"""A believable shop and advertiser, made from a seed: pure, without Django and without a clock.

Everybody and everything in it is invented. Addresses end in reserved domains, phone numbers lie in the range kept for
fiction, IP addresses in the range kept for benchmarks.
"""
