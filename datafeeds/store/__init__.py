"""The local store of market data: Parquet by venue, symbol, kind and day or month, with where every row came from."""
