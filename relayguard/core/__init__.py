"""Pure values and rules: what an SMTP transaction is, and what may be done to it.

Nothing here does I/O, reads a clock, or knows pluggy or libmilter.
"""
