"""DMARC (RFC 9989): does an authenticated domain stand behind the author, and what does its owner ask for?"""
