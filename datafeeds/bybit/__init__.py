"""Bybit v5: history of linear and inverse perpetuals over REST and from the public dumps."""
