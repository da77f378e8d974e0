"""What ``relayguard top`` shows: looked at, reckoned and drawn apart from each other, so that each can be tried alone."""
