"""ARC (RFC 8617): what did those who handled a message before us find, and has it changed since?"""
