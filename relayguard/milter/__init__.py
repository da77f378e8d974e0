"""The MTA's edge: turns a transport's callbacks into neutral events, and decisions into replies."""
