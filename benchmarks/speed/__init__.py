"""How fast artsim is on this machine, as ratios to what else could be had in the same run."""
