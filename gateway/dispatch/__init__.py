"""From a plan to an answer: attempts, retries, failover, commit. Pure, but for `drive`."""
