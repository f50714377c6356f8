"""Training of painting encoders: distillation, and metric learning on labels."""
