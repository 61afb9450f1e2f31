"""How many requests a venue takes: a bucket that fills at a pace."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Bucket"]

SECOND = 1_000_000_000
PLENTY = 600


class Bucket:
    """``per_second`` requests on average and as many at once (at least 1); None: as many as come. ``clock``: ns."""

    def __init__(self, per_second: float | None, clock: Callable[[], int]) -> None:
        self._per_second, self._clock = per_second, clock
        self.size = PLENTY if per_second is None else max(1, int(per_second))
        self._held, self._at = float(self.size), clock()

    def take(self) -> bool:
        """Whether one more request is within the limit."""
        if self._per_second is None:
            return True
        now = self._clock()
        self._held = min(self.size, self._held + (now - self._at) / SECOND * self._per_second)
        self._at = now
        if self._held < 1.0:
            return False
        self._held -= 1.0
        return True

    @property
    def remaining(self) -> int:
        """Requests that may come at once."""
        return int(self._held)

    @property
    def wait(self) -> int:
        """Nanoseconds until the next one may come."""
        if self._per_second is None or self._held >= 1.0:
            return 0
        return int((1.0 - self._held) / self._per_second * SECOND)
