"""Classifiers: a linear head on an encoder's vectors, in a folder of their own."""
