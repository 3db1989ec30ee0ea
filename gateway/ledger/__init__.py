"""The ledger: one row for each attempt, folded from the journal, and sums over rows.

The journal is the truth; what is here can be thrown away and folded again.
"""
