"""What the ledger has of a time: sums over its attempts, adjustments, and how far it reaches."""
