"""The page and the API that `artsim serve` offers over a gallery."""
