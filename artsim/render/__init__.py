"""Hits as tables, program output and contact sheets."""
