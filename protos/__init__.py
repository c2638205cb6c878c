"""The contracts between the services, and how they are spoken."""
