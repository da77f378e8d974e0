"""The process that serves mail: its listener, its event loop, its signals."""
