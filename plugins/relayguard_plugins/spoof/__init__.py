"""Spoof detection: what SPF, DKIM and DMARC cannot see."""
