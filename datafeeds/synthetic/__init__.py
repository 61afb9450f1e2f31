"""Synthetic markets: the built-in one, and worlds whose best policy is known."""
