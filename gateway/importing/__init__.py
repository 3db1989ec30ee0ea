"""Configurations of other gateways, read once and written anew in the words of this one."""
