"""Rate limiting: rules that count connections, messages, recipients and octets, each by a key."""
