"""From the MTA's events to one decision: finds the filters, calls their hooks, combines what they yield."""
