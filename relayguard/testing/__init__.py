"""For whoever tests a filter: factories, fakes, a zone, real servers on loopback, a milter client."""
