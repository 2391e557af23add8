"""68-point face landmarks: one protocol, several backends."""
