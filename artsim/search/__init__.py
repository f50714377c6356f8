"""Questions to a gallery."""
