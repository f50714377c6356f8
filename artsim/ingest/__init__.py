"""Pictures and metadata into a gallery."""
