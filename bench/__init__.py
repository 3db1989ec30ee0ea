"""What one call costs in CPU, beside the smallest program that could carry it."""
