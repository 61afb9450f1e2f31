"""``halfspread data serve`` answers as both venues until it is interrupted."""

from __future__ import annotations

import io
import json
import socket
import threading
import time
from argparse import Namespace
from typing import Any
from urllib.request import urlopen

import pytest

from halfspread.commands import data_serve
from halfspread.engine.times import DAY
from halfspread.errors import ConfigError


def arguments(**given: Any) -> Namespace:
    usual = {"port": 0, "days": 1, "seed": 3, "requests_per_second": None, "faults": 0.0, "json": True}
    return (
        Namespace(**usual, stdout=io.StringIO())
        if not given
        else Namespace(**{**usual, "stdout": io.StringIO(), **given})
    )


def ask(address: str) -> Any:
    with urlopen(address, timeout=5) as reply:
        return json.loads(reply.read())


def test_it_serves_until_ctrl_c_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    given, seen = arguments(), []

    def interrupted() -> None:
        told = json.loads(given.stdout.getvalue())
        klines = ask(f"{told['bybit']}/v5/market/kline?category=linear&symbol=BTCUSDT&interval=1&limit=2")
        seen.append(int(klines["result"]["list"][0][0]) * 1_000_000)
        seen.append(len(ask(f"{told['bitmex']}/trade/bucketed?symbol=XBTUSD&binSize=1h&count=20")))
        raise KeyboardInterrupt

    monkeypatch.setattr(data_serve, "_wait", interrupted)
    before = set(threading.enumerate())
    assert data_serve.execute(given) == 0
    assert 0 <= time.time_ns() - seen[0] < 3 * 60 * 10**9  # the market goes on with this machine's clock
    assert seen[1] == 20
    assert set(threading.enumerate()) == before
    assert seen[0] % (DAY // 1440) == 0


def test_the_addresses_are_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(data_serve, "_wait", lambda: None)
    assert data_serve.execute(arguments(json=False)) == 0
    told = capsys.readouterr().out
    assert "/bitmex/api/v1   XBTUSD, XBTUSDT" in told
    assert "Ctrl-C ends it" in told


def test_a_port_that_is_taken_and_numbers_that_cannot_be_are_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"--port {port}: cannot be used"):
            data_serve.execute(arguments(port=port))
    for name, value in (
        ("port", 70_000),
        ("days", 0),
        ("days", 100_000),
        ("seed", -1),
        ("requests_per_second", 0.0),
        ("faults", 1.5),
    ):
        with pytest.raises(ConfigError):
            data_serve.execute(arguments(**{name: value}))


def test_a_seed_below_zero_is_refused() -> None:
    with pytest.raises(ConfigError, match="--seed: expected 0 or more, got -1"):
        data_serve.execute(arguments(seed=-1))
