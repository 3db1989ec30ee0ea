"""Asks platforms what they let one verify of an upstream; no model is ever run."""
