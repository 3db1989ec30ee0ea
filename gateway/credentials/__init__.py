"""Turn a request's `auth` into headers: the only place that holds secrets, signers and tokens."""
