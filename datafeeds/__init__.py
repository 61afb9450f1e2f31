"""Markets in: venues, importers, the store, recorder and live feed, synthetic markets, quality checks."""
