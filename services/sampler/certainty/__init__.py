"""How sure a search may be of what it says: exact bounds, audits, and the three lights."""
