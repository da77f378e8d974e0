"""The filters that ship with Relayguard. They have no privilege that a stranger's filter lacks."""
