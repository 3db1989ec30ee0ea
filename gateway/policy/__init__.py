"""What may see a request: pure decisions over values."""
