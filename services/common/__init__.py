"""What several services do alike and never say on the wire."""
