"""One HTTP exchange with one upstream, and nothing that decides."""
