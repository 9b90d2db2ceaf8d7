"""Training with simulated clicks, on Lightning."""
