"""The pages in a real browser, where there is one: they render in light and in dark and log no errors."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from halfspread.reports.html import compare_page, run_page

Build = Callable[..., Any]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"),
    *("--enable-logging=stderr", "--v=0"),
)
DARK = "--blink-settings=preferredColorScheme=0"


@pytest.fixture(scope="module")
def browser() -> str:
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"no browser found: none of {', '.join(BROWSERS)} is on the path")
    return found


@pytest.fixture
def pages(tmp_path: Path, walk: Build) -> dict[str, Path]:
    """Both pages, showing nothing but the charts of one section, so that a small picture holds them."""
    results = [walk(seed=seed, days=60, name=f"agent {seed}") for seed in (1, 2)]
    found = {}
    made = {"attribution": run_page(results[0], {"version": "0.1.0"}), "equity": compare_page(results)}
    for section, page in made.items():
        found[section] = tmp_path / f"{section}.html"
        alone = f"main > :not(#{section}), #{section} > :not(figure) {{ display: none; }}</style>"
        shown = page.replace("</style>", alone)
        found[section].write_text(shown, encoding="utf-8")
    return found


def photograph(browser: str, address: str, folder: Path, *more: str) -> tuple[NDArray[np.uint8], str]:
    """Pixels (rows x columns x 3) of a window at the address, and what the browser logged."""
    picture = folder / "picture.png"
    command = [browser, *FLAGS, f"--user-data-dir={folder / 'profile'}", "--window-size=560,520", *more]
    done = subprocess.run(
        [*command, f"--screenshot={picture}", address], capture_output=True, text=True, timeout=120, check=False
    )
    assert picture.is_file(), done.stderr
    return pixels(picture.read_bytes()), done.stderr


def pixels(png: bytes) -> NDArray[np.uint8]:
    """Decode a PNG of eight bits per channel without interlacing, as browsers write them."""
    chunks, at = [], 8
    width = height = channels = 0
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        kind, data = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        if kind == b"IHDR":
            width, height, channels = *struct.unpack(">II", data[:8]), {2: 3, 6: 4}[data[9]]
        elif kind == b"IDAT":
            chunks.append(data)
        at += 12 + length
    lines = np.frombuffer(zlib.decompress(b"".join(chunks)), np.uint8).reshape(height, 1 + width * channels)
    rows = np.zeros((height + 1, width, channels), np.int64)
    for y in range(height):
        rows[y + 1] = unfilter(int(lines[y, 0]), lines[y, 1:].reshape(width, channels).astype(np.int64), rows[y])
    return rows[1:, :, :3].astype(np.uint8)


def unfilter(kind: int, line: NDArray[np.int64], above: NDArray[np.int64]) -> NDArray[np.int64]:
    """One line of a PNG; see section 9 of its specification."""
    if kind == 0:
        return line
    if kind == 1:
        return np.cumsum(line, axis=0) % 256
    if kind == 2:
        return (line + above) % 256
    done = np.zeros_like(line)
    left = corner = np.zeros(line.shape[1], np.int64)
    for x in range(len(line)):
        up = above[x]
        if kind == 3:
            guess = (left + up) // 2
        else:
            a, b, c = np.abs(up - corner), np.abs(left - corner), np.abs(left + up - 2 * corner)
            guess = np.where((a <= b) & (a <= c), left, np.where(b <= c, up, corner))
        left, corner = (line[x] + guess) % 256, up
        done[x] = left
    return done


@pytest.mark.parametrize("section", ["attribution", "equity"])
def test_a_page_renders_in_light_and_in_dark_without_a_console_error(
    browser: str, pages: dict[str, Path], tmp_path: Path, section: str
) -> None:
    for shade, more in (("light", ()), ("dark", (DARK,))):
        folder = tmp_path / shade
        folder.mkdir()
        picture, log = photograph(browser, pages[section].as_uri(), folder, *more)
        assert "CONSOLE" not in log, log
        paper = picture[5, 5].tolist()
        assert (min(paper) > 240) if shade == "light" else (max(paper) < 60), paper
        drawn = (np.abs(picture.astype(int) - paper) > 40).any(axis=2)
        assert 0.01 < drawn.mean() < 0.7
        colour = picture.max(axis=2).astype(int) - picture.min(axis=2)
        assert (colour > 60).mean() > 0.005  # the chart of the section


def test_the_browser_does_report_what_the_page_must_not_do(browser: str, tmp_path: Path) -> None:
    page = tmp_path / "bad.html"
    page.write_text("<!doctype html><script>console.error('broken')</script><p>x", encoding="utf-8")
    folder = tmp_path / "bad"
    folder.mkdir()
    _, log = photograph(browser, page.as_uri(), folder)
    assert "CONSOLE" in log


@pytest.fixture
def whole_pages(tmp_path: Path, walk: Build) -> dict[str, Path]:
    """Both pages with every section that a year has."""
    results = [walk(seed=seed, days=130, name=f"agent {seed}") for seed in (1, 2)]
    results[0].agent = "BuyAndHold"
    results.append(walk(seed=3, days=130, edge=0.001, name="seer", looks_ahead=True))
    made = {"run": run_page(results[0], {"version": "0.1.0"}), "compare": compare_page(results)}
    found = {}
    for name, page in made.items():
        found[name] = tmp_path / f"{name}.html"
        found[name].write_text(page, encoding="utf-8")
    return found


@pytest.mark.parametrize("name", ["run", "compare"])
def test_a_whole_page_logs_no_error_in_light_and_in_dark(
    browser: str, whole_pages: dict[str, Path], tmp_path: Path, name: str
) -> None:
    papers = []
    for shade, more in (("light", ()), ("dark", (DARK,))):
        folder = tmp_path / f"{name}-{shade}"
        folder.mkdir()
        picture, log = photograph(browser, whole_pages[name].as_uri(), folder, *more)
        assert "CONSOLE" not in log, log
        papers.append(int(picture[5, 5].max()))
    assert papers[0] > 240
    assert papers[1] < 60


@pytest.mark.parametrize("name", ["run", "compare"])
def test_a_page_never_scrolls_sideways_on_a_phone(
    browser: str, whole_pages: dict[str, Path], tmp_path: Path, name: str
) -> None:
    page = whole_pages[name].read_text(encoding="utf-8")
    page = page.replace("Content-Security-Policy", "x-none")
    measure = "<script>document.title = document.documentElement.scrollWidth + ' of ' + innerWidth</script></body>"
    path = tmp_path / "measured.html"
    path.write_text(page.replace("</body>", measure), encoding="utf-8")
    command = [browser, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", "--window-size=500,800", "--dump-dom"]
    done = subprocess.run([*command, path.as_uri()], capture_output=True, text=True, timeout=120, check=False)
    found = re.findall(r"<title>(\d+) of (\d+)</title>", done.stdout)
    assert found, done.stderr
    assert int(found[0][0]) <= int(found[0][1]) <= 500


def test_a_page_prints_on_a_few_sheets_of_paper(browser: str, whole_pages: dict[str, Path], tmp_path: Path) -> None:
    paper = tmp_path / "page.pdf"
    command = [browser, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", f"--print-to-pdf={paper}"]
    subprocess.run([*command, whole_pages["run"].as_uri()], capture_output=True, timeout=120, check=False)
    data = paper.read_bytes()
    assert data.startswith(b"%PDF")
    assert 3 <= len(re.findall(rb"/Type\s*/Page\b", data)) <= 12
