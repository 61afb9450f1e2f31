"""Experts to learn from, beside the strategies: rules that depend on their own past, and the clairvoyant bound."""
