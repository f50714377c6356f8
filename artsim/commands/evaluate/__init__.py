"""The command group `artsim evaluate`, a module for each task."""
