"""A filter that ends whoever loads it."""

import sys

sys.exit(0)
