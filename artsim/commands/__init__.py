"""The commands of `artsim`: parse, call one library function, render."""
