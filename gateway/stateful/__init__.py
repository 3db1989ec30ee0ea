"""The endpoints that keep something: batches, files, skills, and what is pinned to an upstream."""
