"""Checks of stored market data: what is missing, impossible or suspicious in a series, and where."""
