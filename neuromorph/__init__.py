"""neuromorph."""
