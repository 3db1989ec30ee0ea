"""The comparison of the ledger with what the platforms say they will bill."""
