"""Generated and mutated mail, judged by our filters and by other implementations, which need not be right."""
