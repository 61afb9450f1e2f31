"""Metrics, tables, charts and self-contained HTML pages of backtest results; import what is needed from the modules."""
