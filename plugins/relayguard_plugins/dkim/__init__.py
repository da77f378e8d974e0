"""DKIM verification (RFC 6376, 8301, 8463): was this message signed by that domain, and is it unchanged?"""
