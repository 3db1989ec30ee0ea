"""What the ledger has to tell: usage and cost by what one asks for, agent trees, caches, waste.

Each report takes a connection and an `Asked`, reads, and returns plain values for JSON: counts as
integers, money as decimal strings. The command line and the server show the same values.
"""
