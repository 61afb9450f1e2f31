"""How good a result is, and how much of it is luck: pure functions over float64 arrays of daily PnL.

Import what is needed from the modules: ``series`` (units, checks), ``ratios``, ``robust`` (errors under
autocorrelation), ``drawdowns``, ``tail``, ``trading``, ``resamples`` (stationary block bootstrap), ``figures`` and
``intervals`` (every headline figure with its interval), ``probabilistic`` (probabilistic and deflated Sharpe ratio),
``overfitting`` (CSCV), ``superiority`` (reality check, SPA) and ``permutation``. docs/statistics.md explains each.

Daily PnL is in units of the constant notional (simple returns), or returns on equity; a year has 365 days. NaN and
infinities are refused with DataError everywhere. A figure that describes (a ratio, a drawdown) is NaN where it cannot
be said; one that infers (an error, an interval, a probability) refuses with DataError and names the days it needs.
"""
