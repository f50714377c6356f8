"""Face encoders, trained on pictures of people by metric learning."""
