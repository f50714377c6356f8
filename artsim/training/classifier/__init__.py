"""Classifiers of style, artist, genre or any other field, trained on a user's own works."""
