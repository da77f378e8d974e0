"""Relayguard measured beside its peers, in one run, on one corpus, with one resolver. See README.md here."""
