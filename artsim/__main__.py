"""`python -m artsim`."""

from artsim.cli import main

main()
