"""Pictures: reading, scaling, aligning, comparing."""
