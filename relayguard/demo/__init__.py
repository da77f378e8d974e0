"""The demonstration: real mail through a real Postfix, guarded by Relayguard, on loopback alone."""
