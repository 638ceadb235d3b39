"""What rules say and what they find: pure, without Django, HTTP or a clock.

`definitions` reads and checks them, `templates` are the built-in ones, `evaluation` decides whom they are about.
"""
