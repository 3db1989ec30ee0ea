"""Usage and cost of an application: of its users, sessions and agents."""
