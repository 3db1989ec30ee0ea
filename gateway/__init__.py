"""Tidegate: call Claude in one way; policy decides where each request may be served."""
