"""What runs in the peers' own environments: the same classifier behind each peer's own server."""
