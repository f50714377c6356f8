"""Training: encoders and classifiers from a user's own pictures."""
