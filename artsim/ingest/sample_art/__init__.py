"""How the sample collection is painted: canvas, subjects, sitters, manners, catalog."""
