"""From recipes to concrete signed requests."""
