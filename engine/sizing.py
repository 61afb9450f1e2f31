"""What a target of 1 stands for: a notional, a number of contracts, or a multiple of equity."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from halfspread.costs.base import Model
from halfspread.engine.codes import CONTRACTS, EQUITY, NOTIONAL

__all__ = ["EquityFraction", "FixedContracts", "FixedNotional", "Sizing"]

Amount = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class _Sizing(Model):
    resize: Literal["on_change", "always"] = Field(
        "on_change",
        description="size anew when the target changes, or at every decision (which trades whenever the price moves)",
    )


class FixedNotional(_Sizing):
    """A target of 1 is worth ``amount`` in report currency at the price of the decision, rounded down to whole lots."""

    kind: Literal["fixed_notional"] = "fixed_notional"
    amount: Amount

    def __init__(self, amount: float, **more: Any) -> None:
        super().__init__(**{"amount": amount, **more})

    def code(self) -> tuple[int, float]:
        """Kind and size as the event loop reads them."""
        return NOTIONAL, self.amount

    def describe(self, currency: str) -> str:
        """One sentence for the report."""
        return f"a target of 1 is {self.amount:,.10g} {currency}, in whole lots, {_when(self.resize)}"


class FixedContracts(_Sizing):
    """A target of 1 is ``contracts`` contracts, rounded down to whole lots."""

    kind: Literal["fixed_contracts"] = "fixed_contracts"
    contracts: Amount

    def __init__(self, contracts: float, **more: Any) -> None:
        super().__init__(**{"contracts": contracts, **more})

    def code(self) -> tuple[int, float]:
        """Kind and size as the event loop reads them."""
        return CONTRACTS, self.contracts

    def describe(self, currency: str) -> str:
        """One sentence for the report."""
        return f"a target of 1 is {self.contracts:,.10g} contract(s)"


class EquityFraction(_Sizing):
    """A target of 1 is ``fraction`` times the account's equity at the decision, rounded down to whole lots."""

    kind: Literal["equity_fraction"] = "equity_fraction"
    fraction: Amount

    def __init__(self, fraction: float, **more: Any) -> None:
        super().__init__(**{"fraction": fraction, **more})

    def code(self) -> tuple[int, float]:
        """Kind and size as the event loop reads them."""
        return EQUITY, self.fraction

    def describe(self, currency: str) -> str:
        """One sentence for the report."""
        return f"a target of 1 is {self.fraction:g} x the account's equity, in whole lots, {_when(self.resize)}"


def _when(resize: str) -> str:
    return "sized when the target changes" if resize == "on_change" else "sized anew at every decision"


Sizing = FixedNotional | FixedContracts | EquityFraction
