"""Measurements too long for a test; each module is a command that prints its figures."""
