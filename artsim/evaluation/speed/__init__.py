"""How fast artsim is on this machine, beside what it promises and what else could be had."""
