"""The five services, and what they have in common."""
