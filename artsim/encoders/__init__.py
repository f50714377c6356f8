"""Models from pictures to vectors, and the face detector. Only here is torch imported."""
