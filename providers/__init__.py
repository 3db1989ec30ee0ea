"""Providers: code that speaks to the platforms that sell Claude, and nothing else."""
