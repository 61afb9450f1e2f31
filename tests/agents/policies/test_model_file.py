"""A model that is read is the one that was saved, to the bit; any other file is told from it with a clear message."""

from __future__ import annotations

import io
import json
import math
import os
import pickle
import zipfile
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from halfspread.agents.policies import model_file
from halfspread.agents.policies.describe import describe
from halfspread.agents.policies.model import Model
from halfspread.agents.policies.model_file import load_model, save_model
from halfspread.agents.policies.sealed_header import sealed
from halfspread.engine.training import TrainingRange
from halfspread.errors import ConfigError, DataError
from tests.agents.features.lookers import random_bars
from tests.agents.policies.models import drawn_model

SEEN = TrainingRange("bybit:BTCUSDT", 1_700_000_000_000_000_000, 1_710_000_000_000_000_000, "ab12", False, ((5, "ff"),))
MORE: Any = {
    "trained": (SEEN,),
    "facts": {"config_hash": "c0ffee", "expert": {"type": "sma_cross", "fast": 20}, "seeds": [1, 2]},
    "metrics": {"disagreement": 0.0125, "regret": -3.5},
}


@pytest.fixture(scope="module")
def network() -> Model:
    return drawn_model(random_bars(40), temperature=1.7, **MORE)


@pytest.fixture(scope="module")
def saved(network: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(network, tmp_path_factory.mktemp("models") / "model.npz")


def same(one: Model, other: Model) -> None:
    assert one.digest() == other.digest()
    for name, values in one.arrays().items():
        assert values.tobytes() == other.arrays()[name].tobytes()
    for name in ("features", "temperature", "trained", "metrics", "events", "made_with", "kind"):
        assert getattr(one, name) == getattr(other, name)


@pytest.mark.parametrize("kind", ["network", "forest"])
@pytest.mark.parametrize("head", ["softmax", "squared", "gaussian"])
def test_a_model_comes_back_as_it_was_saved(head: str, kind: str, tmp_path: Path) -> None:
    if (kind, head) == ("forest", "gaussian"):
        return
    model = drawn_model(random_bars(40), head, kind=kind, events=("bar", "fill"), **MORE)
    found = load_model(save_model(model, tmp_path / "model.npz"))
    same(model, found)
    rows = np.random.default_rng(1).normal(size=(50, model.features.count))
    assert found.outputs(rows).tobytes() == model.outputs(rows).tobytes()
    assert found.facts == model.facts


def test_the_same_model_gives_the_same_arrays_and_another_name_nothing_else(network: Model, tmp_path: Path) -> None:
    one, two = (load_model(save_model(network, tmp_path / name)) for name in ("a.npz", "b.npz"))
    same(one, two)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.npz", "b.npz"]


def test_what_is_not_finite_in_facts_and_metrics_becomes_null(network: Model, tmp_path: Path) -> None:
    model = replace(network, metrics={"sharpe": math.nan, "rows": np.float64(3)}, facts={"of": (1, math.inf)})
    found = load_model(save_model(model, tmp_path / "model.npz"))
    assert found.metrics == {"sharpe": None, "rows": 3}
    assert found.facts == {"of": [1, None]}


def test_facts_that_json_cannot_hold_are_refused_and_nothing_is_written(network: Model, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="facts and metrics of a model are plain JSON values"):
        save_model(replace(network, facts={"when": object()}), tmp_path / "model.npz")
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_cut_short_anywhere_is_refused(saved: Path, tmp_path: Path) -> None:
    whole, path = saved.read_bytes(), tmp_path / "short.npz"
    for length in {0, 1, 3, 4, 30, 64, 128, *range(200, len(whole), len(whole) // 60), len(whole) - 1}:
        path.write_bytes(whole[:length])
        with pytest.raises(DataError, match=r"short\.npz: expected a model of halfspread .*; train it again"):
            load_model(path)


def test_no_byte_can_be_changed_unnoticed(saved: Path, tmp_path: Path) -> None:
    """Whatever a changed byte leads to: a refusal, or (in what an archive does not need) the very same model."""
    whole, path, model = saved.read_bytes(), tmp_path / "model.npz", load_model(saved)
    refused = 0
    places = np.random.default_rng(3).permutation(len(whole))[:400]
    for place in places:
        path.write_bytes(whole[:place] + bytes([whole[place] ^ (1 << int(place % 8))]) + whole[place + 1 :])
        try:
            same(load_model(path), model)
        except DataError:
            refused += 1
    assert refused > 0.8 * len(places)


def rewritten(
    saved: Path, path: Path, change: Callable[[dict[str, Any], dict[str, Any]], None], seal: bool = True
) -> Path:
    """The file with header or arrays changed, and the seal (and hashes) made anew by who knows how."""
    with np.load(saved) as archive:
        arrays = {name: archive[name] for name in archive.files if name != "header"}
        header = json.loads(bytes(archive["header"]))
    change(header, arrays)
    text = json.dumps(header, sort_keys=True)
    if seal:
        header.pop("seal", None)
        text = sealed(header)
    np.savez(path, header=np.frombuffer(text.encode(), np.uint8), **arrays)
    return path


def rehash(header: dict[str, Any], arrays: dict[str, Any], **values: Any) -> None:
    arrays.update(values)
    header["arrays"].update({name: model_file._hash(arrays[name]) for name in values})


def test_a_header_that_was_edited_is_refused(saved: Path, tmp_path: Path) -> None:
    def earlier(header: dict[str, Any], arrays: Any) -> None:
        header["trained"][0]["end"] -= 1

    with pytest.raises(DataError, match=r"its header was altered \(seal [0-9a-f]{32}\); train it again"):
        load_model(rewritten(saved, tmp_path / "m.npz", earlier, seal=False))


def test_an_array_that_was_exchanged_is_refused(saved: Path, tmp_path: Path) -> None:
    for name in ("parameters", "centre", "spread", "targets"):

        def change(header: Any, arrays: Any, name: str = name) -> None:
            arrays[name] = np.nextafter(arrays[name], 9.0)

        with pytest.raises(DataError, match=f"{name} are not those that were saved: the file was altered"):
            load_model(rewritten(saved, tmp_path / "m.npz", change))


def put(name: str, value: Any) -> Callable[[Any, Any], None]:
    return lambda header, arrays: header.__setitem__(name, value)


def array(**values: Any) -> Callable[[Any, Any], None]:
    return lambda header, arrays: rehash(header, arrays, **values)


FORGED = {
    "another format": (put("format", 1), "expected a model of format 2, got 1; train it again with this version"),
    "no format": (lambda header, arrays: header.pop("format"), "expected a model of format 2, got None"),
    "another kind": (put("kind", "reservoir"), "expected a network or a forest, got 'reservoir'"),
    "no features": (put("features", []), "expected at least one"),
    "unknown feature": (put("features", ["crystal_ball(3)"]), "there is no 'crystal_ball'"),
    "features of other number": (put("features", ["position"]), "numbers in an observation, a network of 12 inputs"),
    "features that are no list": (put("features", 3), r"its header has no 'features' \(list\): got 3"),
    "no stack": (lambda header, arrays: header.pop("stack"), r"its header has no 'stack' \(int\): got None"),
    "stack of words": (put("stack", "two"), r"its header has no 'stack' \(int\): got 'two'"),
    "temperature of 0": (put("temperature", 0.0), "expected a temperature above 0, got 0.0"),
    "unknown events": (put("events", ["moon"]), "events: expected some of bar, quote"),
    "range without end": (put("trained", [{"instrument": "x", "start": 0}]), "trained: .* missing 2 required"),
    "range that ends before": (
        put("trained", [{"instrument": "x", "start": 5, "end": 4, "data": ""}]),
        "it begins at 5 and ends at 4",
    ),
    "other sizes": (
        put("network", {"sizes": [12, 4], "activation": "relu", "head": "softmax"}),
        "expected 52 parameters",
    ),
    "sizes below 1": (put("network", {"sizes": [12, -4], "activation": "relu", "head": "softmax"}), "each 1 or more"),
    "unknown activation": (
        put("network", {"sizes": [12, 9, 5, 4], "activation": "sine", "head": "softmax"}),
        "activation: expected relu or tanh, got 'sine'",
    ),
    "parameters that are NaN": (array(parameters=np.full(191, np.nan)), "a parameter is not finite"),
    "parameters of another number": (array(parameters=np.zeros(190)), "expected 191 parameters"),
    "parameters of another kind": (
        array(parameters=np.zeros(191, np.float32)),
        "expected float64 numbers, got float32",
    ),
    "parameters of another shape": (array(parameters=np.zeros((191, 1))), r"of shape \(191, 1\)"),
    "scaler without spread": (array(spread=np.zeros(12)), "finite centres, and spreads above zero"),
    "scaler of infinity": (array(centre=np.full(12, np.inf)), "finite centres, and spreads above zero"),
    "scaler of another width": (array(centre=np.zeros(3), spread=np.ones(3)), "a scaler of 3"),
    "targets beyond 1": (array(targets=np.array([-1.0, 0.0, 1.0, 2.0])), "expected targets from -1 to 1"),
    "targets that are NaN": (array(targets=np.array([-1.0, 0.0, 1.0, np.nan])), "expected targets from -1 to 1"),
    "targets of another number": (array(targets=np.zeros(3)), "a softmax head of 4, and 3 targets"),
    "no targets": (lambda header, arrays: arrays.pop("targets"), "expected a model of halfspread"),
}


@pytest.mark.parametrize("fault", FORGED)
def test_a_file_that_was_forged_with_care_is_still_checked(fault: str, saved: Path, tmp_path: Path) -> None:
    change, said = FORGED[fault]
    with pytest.raises(DataError, match=said) as caught:
        load_model(rewritten(saved, tmp_path / "forged.npz", change))
    assert "forged.npz" in str(caught.value)


TREES = {
    "a circle": ([[0.0, 0.0, 0.0, 1.0], [-1.0, 1.0, 0.0, 0.0]], "leads back"),
    "out of the nodes": ([[0.0, 0.0, 1.0, 9.0], [-1.0, 1.0, 0.0, 0.0]], "outside of the nodes"),
    "a feature that is not there": ([[99.0, 0.0, 1.0, 1.0], [-1.0, 1.0, 0.0, 0.0]], "expected features from 0 to 11"),
    "half a feature": ([[0.5, 0.0, 1.0, 1.0], [-1.0, 1.0, 0.0, 0.0]], "expected features from 0 to 11"),
    "a leaf of NaN": ([[-1.0, math.nan, 0.0, 0.0]], "not finite"),
}


@pytest.mark.parametrize("fault", TREES)
def test_trees_that_would_not_end_or_reach_beyond_are_refused(fault: str, tmp_path: Path) -> None:
    nodes, said = TREES[fault]
    model = drawn_model(random_bars(40), "squared", kind="forest")
    saved = save_model(model, tmp_path / "model.npz")
    change = array(nodes=np.array(nodes).ravel(), roots=np.zeros(1))
    with pytest.raises(DataError, match=said):
        load_model(rewritten(saved, tmp_path / "forged.npz", change))


def test_pickles_are_never_opened(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> Any:
            return os.mkdir, (str(tmp_path / "exploded"),)

    path = tmp_path / "model.npz"
    np.savez(path, header=np.array([Bomb()], object))
    with pytest.raises(DataError, match=r"expected a model of halfspread .*[pP]ickle"):
        load_model(path)
    path.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(DataError, match="expected a model of halfspread"):
        load_model(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("header", pickle.dumps(Bomb()))
    with pytest.raises(DataError, match="expected a model of halfspread"):
        load_model(path)
    assert not (tmp_path / "exploded").exists()


def test_files_that_are_something_else_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    with pytest.raises(ConfigError, match=r"model\.npz: no such model; halfspread train CONFIG makes one"):
        load_model(path)
    with pytest.raises(ConfigError, match="expected the file of a model, got a folder"):
        load_model(tmp_path)
    for data in (b"", b"PK\x03\x04", b"hello", json.dumps({"format": 2}).encode()):
        path.write_bytes(data)
        with pytest.raises(DataError, match="expected a model of halfspread"):
            load_model(path)
    np.savez(path, header=np.frombuffer(b"[1, 2]", np.uint8))
    with pytest.raises(DataError, match=r"expected a model of format 2, got \[1, 2\]"):
        load_model(path)
    np.savez(path, header=np.frombuffer(b"no json", np.uint8))
    with pytest.raises(DataError, match="its header cannot be read"):
        load_model(path)


def test_huge_files_are_refused_before_they_are_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.npz"
    with path.open("wb") as file:
        file.truncate(model_file.MOST_BYTES + 1)  # takes no room on the disk
    with pytest.raises(DataError, match=r"larger than any model \(1,073,741,825 bytes\)"):
        load_model(path)


def npy(values: Any) -> bytes:
    inside = io.BytesIO()
    np.save(inside, values)
    return inside.getvalue()


def described(text: str, numbers: bytes = bytes(64)) -> bytes:
    """An array whose description says what it likes."""
    return b"\x93NUMPY\x01\x00" + (len(text) + 1).to_bytes(2, "little") + text.encode() + b"\n" + numbers


def claims(shape: str, kind: str = "<f8") -> bytes:
    return described(f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}")


MEMBERS = {
    "no array": (b"hello", "expected an array"),
    "nothing": (b"", "expected an array"),
    "cut after its start": (b"\x93NUMPY\x01\x00", "expected an array"),
    "ten thousand billion numbers": (
        claims("(10000000000000,)"),
        "claims 80,000,000,000,000 bytes",
    ),
    "a square of a billion billion": (claims("(1099511627776, 1099511627776)"), "it claims"),
    "less than there is": (claims("(7,)"), "claims 56 bytes of numbers, and has 64"),
    "less than nothing": (claims("(-1,)"), "its description is none"),
    "numbers without size": (claims("(99999999999,)", "|S0"), "it claims 0 bytes"),
    "an unknown kind": (claims("(8,)", "<q8"), "data type"),
    "objects": (claims("(8,)", "|O"), "pickled objects"),
    "brackets that nobody closes": (described("(" * 9_000), "its description is none"),
    "an expression": (
        described("{'descr': '<f8', 'fortran_order': False, 'shape': (2**40,), }"),
        "its description is none",
    ),
    "a later version": (npy(np.zeros(8)).replace(b"\x01\x00", b"\x03\x00", 1), "expected an array"),
}


@pytest.mark.parametrize("fault", MEMBERS)
def test_an_array_is_no_larger_than_it_is_whatever_it_claims(fault: str, saved: Path, tmp_path: Path) -> None:
    inside, said = MEMBERS[fault]
    path = tmp_path / "forged.npz"
    with zipfile.ZipFile(saved) as good, zipfile.ZipFile(path, "w") as archive:
        for name in good.namelist():
            archive.writestr(name, inside if name == "parameters.npy" else good.read(name))
    with pytest.raises(DataError, match=rf"forged\.npz: expected a model of halfspread .*{said}"):
        load_model(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_nothing_is_unpacked(method: int, saved: Path, tmp_path: Path) -> None:
    path = tmp_path / "packed.npz"
    with zipfile.ZipFile(saved) as good, zipfile.ZipFile(path, "w", method) as archive:
        for name in good.namelist():
            archive.writestr(name, good.read(name))
    with pytest.raises(DataError, match=r"member header\.npy: compressed"):
        load_model(path)


def test_members_that_are_encrypted_there_twice_or_unexpected_are_refused(saved: Path, tmp_path: Path) -> None:
    path = tmp_path / "forged.npz"
    locked = bytearray(saved.read_bytes())
    for start, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = locked.find(start)
        while at >= 0:
            locked[at + place] |= 1
            at = locked.find(start, at + 4)
    path.write_bytes(locked)
    with pytest.raises(DataError, match=r"member header\.npy: encrypted"):
        load_model(path)
    for name, said in (("parameters.npy", "each once"), ("readme.txt", "'readme.txt': expected the arrays")):
        path.write_bytes(saved.read_bytes())
        with (
            pytest.warns(UserWarning, match="Duplicate") if "par" in name else nullcontext(),
            zipfile.ZipFile(path, "a") as archive,
        ):
            archive.writestr(name, npy(np.zeros(3)))
        with pytest.raises(DataError, match=said):
            load_model(path)
    with pytest.raises(DataError, match=r"a network has the arrays parameters, centre, spread, targets, got .*nodes"):
        load_model(rewritten(saved, path, lambda header, arrays: arrays.update(nodes=np.zeros(4))))


def test_members_that_claim_more_together_than_the_file_has_are_refused(saved: Path, tmp_path: Path) -> None:
    """As those of a bomb do, whose members lie over each other; each alone would fit into the file."""
    data, path = bytearray(saved.read_bytes()), tmp_path / "forged.npz"
    claimed = len(data) * 2 // 3
    at = data.find(b"PK\x01\x02")
    for _ in range(2):
        data[at + 20 : at + 28] = claimed.to_bytes(4, "little") * 2  # as stored, and as it would be read
        at = data.find(b"PK\x01\x02", at + 4)
    path.write_bytes(data)
    with pytest.raises(DataError, match=rf"its members claim [\d,]+ bytes, and the file has {len(data):,}"):
        load_model(path)


def test_a_header_that_is_nested_too_deeply_is_refused(saved: Path, network: Model, tmp_path: Path) -> None:
    path, deep = tmp_path / "deep.npz", "[" * 200_000 + "]" * 200_000
    for text in (deep, f'{{"format": 2, "facts": {deep}}}', f'{{"format": 2, "facts": {deep[199_500:200_500]}}}'):
        np.savez(path, header=np.frombuffer(text.encode(), np.uint8))
        with pytest.raises(DataError, match=r"deep\.npz: its header"):
            load_model(path)
    facts: Any = 1
    for _ in range(5_000):
        facts = [facts]
    with pytest.raises(ConfigError, match="plain JSON values"):
        save_model(replace(network, facts={"deep": facts}), path)


OTHER_TYPES: dict[str, Any] = {
    "arrays": [[], "x", None],
    "facts": [[1], "x", None],
    "metrics": ["x", 3, None],
    "kind": [["network"], {}, None],
    "events": ["bar", [3], [["bar"]], None],
    "stack": [True, 1.9, "1", 10**9, -1, 10**30],
    "features": [[1, 2], None, "position", [f"log_return({'9' * 400})"], [f"log_return({'9' * 5_000})"]],
    "trained": [
        "x",
        {"a": 1},
        [1],
        [{"instrument": "a", "start": "a", "end": "b", "data": ""}],
        [{"instrument": "a", "start": 1e300, "end": 2e300, "data": ""}],
        [{"instrument": "a", "start": 10**30, "end": 10**31, "data": ""}],
        [{"instrument": 5, "start": 1, "end": 2, "data": 7}],
        [{"instrument": "a", "start": 1, "end": 2, "data": "", "marks": [[10**30, "x"]]}],
        [{"instrument": "a", "start": 1, "end": 2, "data": "", "more": 1}],
    ],
    "temperature": ["abc", [], None, True, 10**400, -1],
    "halfspread": [3, None, ["x"]],
    "network": [
        None,
        [],
        {},
        {"sizes": [12, 10**18, 4], "activation": "relu", "head": "softmax"},
        {"sizes": [12, 8.5, 4], "activation": "relu", "head": "softmax"},
        {"sizes": [12, "8", 4], "activation": "relu", "head": "softmax"},
        {"sizes": 12, "activation": "relu", "head": "softmax"},
        {"sizes": [12, 9, 5, 4], "activation": {}, "head": "softmax"},
        {"sizes": [12, 9, 5, 4], "activation": "relu", "head": ["softmax"]},
    ],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in OTHER_TYPES for value in OTHER_TYPES[name]])
def test_a_header_of_other_types_is_refused(name: str, value: Any, saved: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"forged\.npz: "):
        load_model(rewritten(saved, tmp_path / "forged.npz", put(name, value)))


def test_roots_that_are_no_places_of_trees_are_refused(tmp_path: Path) -> None:
    saved = save_model(drawn_model(random_bars(40), "squared", kind="forest"), tmp_path / "model.npz")
    for roots in (math.nan, 1e300, 0.5, -1.0):
        with pytest.raises(DataError, match="a tree begins outside of the nodes"):
            load_model(rewritten(saved, tmp_path / "forged.npz", array(roots=np.array([roots]))))


def test_a_write_that_fails_leaves_the_file_that_was_there(
    network: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save_model(network, tmp_path / "model.npz")
    before = path.read_bytes()

    def full(*_: Any, **__: Any) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(ConfigError, match=r"model\.npz: cannot be written: no space left"):
        save_model(network, path)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["model.npz"]
    with pytest.raises(ConfigError, match="expected the name of a model to end in"):
        save_model(network, tmp_path / "model.pkl")


def test_parts_that_do_not_fit_together_are_refused(network: Model) -> None:
    with pytest.raises(DataError, match="a softmax head of 4, and 2 targets"):
        replace(network, targets=np.zeros(2))
    with pytest.raises(DataError, match="a squared head of 1, and 4 targets"):
        replace(drawn_model(random_bars(40), "squared"), targets=network.targets)
    with pytest.raises(DataError, match="a network of 12 inputs"):
        replace(network, features=replace(network.features, stack=3))


def test_a_model_is_described_in_plain_rows(saved: Path) -> None:
    rows = dict(describe(load_model(saved)))
    assert rows["network"] == "12-9-5-4, relu, softmax"
    assert rows["parameters"] == "191"
    assert rows["features"].startswith("log_return(1), volatility(5), column(signal), position")
    assert rows["stacked decisions"] == "2"
    assert rows["earlier rows needed"] == "5"
    assert rows["targets"] == "-1, -0.25, 0, 1"
    assert rows["temperature"] == "1.7"
    assert rows["trained on"] == "bybit:BTCUSDT from 2023-11-14 22:13:20 UTC to 2024-03-09 16:00:00 UTC, data ab12"
    assert rows["metric: disagreement"] == "0.0125"
    assert rows["config hash"] == "c0ffee"
    assert rows["made with"].startswith("halfspread ")
    forest = dict(describe(drawn_model(random_bars(40), kind="forest")))
    assert forest["forest"] == "28 trees, softmax"
    assert forest["trained on"] == "nothing that is known: no run of it can be refused"
    assert all(isinstance(value, str) for value in (*rows.values(), *forest.values()))
