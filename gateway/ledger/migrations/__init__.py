"""The ledger's tables, version by version; the last one is `gateway.ledger.schema`."""
