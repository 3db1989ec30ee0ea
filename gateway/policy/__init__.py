"""Policy: which upstreams may see a request. Pure: files and time come as values."""
