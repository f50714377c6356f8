"""Blocks of the built-in encoder: closed-form descriptors of color, texture and layout."""
