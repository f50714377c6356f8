"""What only developers need: how constants were fitted and choices made."""
