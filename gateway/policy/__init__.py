"""Policy: which upstreams may see a request. Pure: files and time come as values.

No door asks it yet: a call that carries a class is refused.
"""
