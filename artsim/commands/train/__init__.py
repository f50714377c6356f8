"""The command group `artsim train`, a module for each thing that is trained."""
