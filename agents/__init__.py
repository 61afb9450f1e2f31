"""Agents that learn: features, policies, behavioural cloning, DAgger, ESN-RRL and RRL, analysis of distribution shift.

Rules with fixed parameters live in ``halfspread.strategies``. An agent from here obeys the same protocol, so that
training, backtest and live trading go through the one event loop of ``halfspread.engine``.
"""
