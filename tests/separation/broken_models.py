"""Model directories that are damaged or made to harm: seeded mutants of a good one.

    python -m tests.separation.broken_models MODEL --num 200 --first 0

tries `uss info`, `uss classes` and `uss separate` on each, in a process of its own, and prints
what ends in a traceback, computes for more than 10 s, or gives sound that is not finite.
"""

import argparse
import pickle
import random
import shutil
import struct
import tempfile
import warnings
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import soundfile
import torch
import yaml

from tests.separation.broken_weights import ODD_VALUES, change_checkpoint, change_panns
from tests.separation.child import try_commands


def damage_bytes(path: Path, draw: random.Random) -> str:
    """Cut, lengthened, zeroed, overwritten or with a bit flipped."""
    content = bytearray(path.read_bytes())
    where = draw.randrange(len(content))
    how = draw.choice(["flip", "flip", "flip", "cut", "end", "zeros", "noise", "empty", "tail"])
    if how == "flip":
        content[where] ^= 1 << draw.randrange(8)
    elif how == "cut":
        del content[where:]
    elif how == "end":
        del content[-draw.randrange(1, 200) :]
    elif how == "zeros":
        content[where : where + 500] = bytes(len(content[where : where + 500]))
    elif how == "noise":
        content[where : where + 50] = draw.randbytes(len(content[where : where + 50]))
    elif how == "empty":
        content = bytearray()
    else:
        content += draw.randbytes(100)
    path.unlink()
    path.write_bytes(content)
    return f"{path.name}: {how} at {where}"


def change_config(model: Path, draw: random.Random) -> str:
    """One key of config.yaml missing, doubled, or with an odd value."""
    path = model / "config.yaml"
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    keys: list[tuple[dict | list, Any, str]] = []

    def collect(value: Any, name: str) -> None:
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in list(pairs):
            keys.append((value, key, f"{name}.{key}"))
            if isinstance(inner, dict | list):
                collect(inner, f"{name}.{key}")

    collect(config, "")
    holder, key, name = draw.choice(keys)
    how = draw.choice(["value", "value", "value", "value", "missing", "scaled", "key"])
    if how == "missing":
        del holder[key]
    elif how == "key" and isinstance(holder, dict):
        holder[draw.choice(["x", 1, None, "steps ", "é"])] = draw.choice(ODD_VALUES)
    elif how == "scaled" and isinstance(holder[key], int | float):
        holder[key] = draw.choice([2, 0.5, 10, 1000, -1, 1.5]) * holder[key]
    else:
        holder[key] = draw.choice(ODD_VALUES)
        how = f"= {holder[key]!r}"[:60]
    path.write_text(yaml.safe_dump(config, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return f"config.yaml: {name} {how}"


def replace_config(model: Path, draw: random.Random) -> str:
    """Another YAML altogether."""
    laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10)
    )
    name, text = draw.choice(
        [
            ("laughs", laughs),
            ("itself", "kind: &a [*a]\n"),
            ("deep", "kind: " + "[" * 50000),
            ("deeper", "kind: " + "{a: " * 3000 + "1" + "}" * 3000),
            ("list", "- 1\n- 2\n"),
            ("empty", ""),
            ("binary", "\0\1\2"),
            ("tag", "kind: !!python/object/apply:os.system ['touch x']\n"),
            ("long number", "kind: separator\ntraining: {steps: " + "9" * 9999 + "}\n"),
            ("bytes", "kind: !!binary aGVsbG8=\n"),
        ]
    )
    (model / "config.yaml").write_text(text, encoding="utf-8")
    return f"config.yaml: {name}"


def change_averages(model: Path, draw: random.Random) -> str:
    path = model / "average_embeddings.h5"
    with h5py.File(path) as file:
        data = {name: file[name][:] for name in file}
        attributes = dict(file.attrs)
    name = draw.choice(list(data))
    how = draw.choice(
        ["missing", "shorter", "wider", "nan", "double", "text", "scalar", "group", "soft",
         "external", "vlen", "compressed", "huge", "attribute", "attribute", "attribute",
         "attribute missing", "negative", "empty", "virtual"]
    )  # fmt: skip
    if how == "attribute":
        key = draw.choice(list(attributes))
        attributes[key] = value = draw.choice(
            [0, -1, 1, 10**9, 2**62, -(2**63), float("nan"), float("inf"), 1.5, "text", b"\xff",
             15999, np.zeros(3), np.zeros((0,)), True]
        )  # fmt: skip
        how = f"{key} = {value!r}"
    elif how == "attribute missing":
        attributes.pop(draw.choice(list(attributes)))
    path.unlink()
    with h5py.File(path, "w") as file:
        file.attrs.update(attributes)
        for key, values in data.items():
            if key != name or "=" in how or how == "attribute missing":
                file[key] = values
                continue
            if how == "shorter":
                file[key] = values[:-1]
            elif how == "wider":
                file[key] = np.stack([values, values], axis=-1)
            elif how == "nan" and values.dtype.kind == "f":
                values[0, 0] = draw.choice([float("nan"), float("inf"), 1e38])
                file[key] = values
            elif how == "double" and values.dtype.kind in "fi":
                file[key] = values.astype(np.float64)
            elif how == "text":
                file[key] = np.array([b"\xff\xfe"] * len(values), "S2")
            elif how == "scalar":
                file[key] = 1.0
            elif how == "group":
                file.create_group(key)
            elif how == "soft":
                file[key] = h5py.SoftLink(f"/{key}")
            elif how == "external":
                file[key] = h5py.ExternalLink("average_embeddings.h5", f"/{key}")
            elif how == "vlen":
                file.create_dataset(key, data=["text"] * len(values), dtype=h5py.string_dtype())
            elif how == "compressed":
                file.create_dataset(key, data=values, compression="gzip")
            elif how == "huge":
                shape = (len(values), 10**9) if values.ndim == 2 else (10**12,)
                file.create_dataset(key, shape, values.dtype, chunks=True)
            elif how == "negative" and values.dtype.kind in "fi":
                file[key] = -values - 1
            elif how == "empty":
                file[key] = values[:0]
            elif how == "virtual":
                layout = h5py.VirtualLayout(values.shape, values.dtype)
                layout[...] = h5py.VirtualSource("other.h5", key, values.shape)
                file.create_virtual_dataset(key, layout)
    return f"average_embeddings.h5: {name} {how}"


def change_zip(model: Path, draw: random.Random) -> str:
    """Weights in a zip file that torch.save would not write."""
    path = draw.choice([model / "panns.pt", *(model / "checkpoints").glob("*.pt")])
    how = draw.choice(["compressed", "bomb", "without", "twice", "pickle", "no zip", "nothing"])
    with zipfile.ZipFile(path) as source:
        members = {name: source.read(name) for name in source.namelist()}
    pickle_name = next(name for name in members if name.endswith("data.pkl"))
    if how == "without":
        members.pop(draw.choice(list(members)))
    elif how == "pickle":
        members[pickle_name] = draw.choice(
            [b"", b"\x80\x02.", b"\x80\x02N.", b"(" * 9999, b"\x80\x02X" + struct.pack("<I", 2**31),
             b"\x80\x02" + b"]" * 5000 + b"a" * 4999 + b".", pickle.dumps({"model": 1}, 2),
             b"cos\nsystem\n(S'true'\ntR."]
        )  # fmt: skip
    elif how == "nothing":
        members = {}
    path.unlink()
    if how == "no zip":
        path.write_bytes(pickle.dumps({"model": {"a": 1}}))
        return f"{path.name}: {how}"
    compression = zipfile.ZIP_DEFLATED if how in ("compressed", "bomb") else zipfile.ZIP_STORED
    with zipfile.ZipFile(path, "w", compression) as target:
        for name, content in members.items():
            target.writestr(name, content)
        if how == "bomb":
            with target.open(f"{pickle_name[:-8]}data/bomb", "w", force_zip64=True) as bomb:
                for _ in range(2000):
                    bomb.write(bytes(10**6))
        if how == "twice":
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                target.writestr(pickle_name, b"\x80\x02N.")
    return f"{path.name}: {how}"


def break_model(model: Path, draw: random.Random, outside: Path) -> str:
    """Change a copy of a model directory; what was done. `outside` must not be written."""
    files = ["config.yaml", "average_embeddings.h5", "panns.pt"]
    files += [f"checkpoints/{path.name}" for path in (model / "checkpoints").iterdir()]
    return draw.choice(
        [
            lambda: damage_bytes(model / draw.choice(files), draw),
            lambda: change_config(model, draw),
            lambda: change_config(model, draw),
            lambda: replace_config(model, draw),
            lambda: change_checkpoint(model, draw, outside),
            lambda: change_panns(model, draw, outside),
            lambda: change_averages(model, draw),
            lambda: change_zip(model, draw),
        ]
    )()


def copy_model(source: Path, target: Path) -> Path:
    target.mkdir(parents=True)
    for name in ("config.yaml", "average_embeddings.h5", "panns.pt"):
        shutil.copyfile(source / name, target / name)
    shutil.copytree(source / "checkpoints", target / "checkpoints")
    return target


def try_mutant(source: Path, seed: int) -> tuple[str, list[str]]:
    """What was done to a copy of a model directory, and what went wrong with it."""
    with tempfile.TemporaryDirectory() as folder:
        outside = Path(folder) / "outside"
        model = copy_model(source, Path(folder) / "model")
        said = break_model(model, random.Random(seed), outside)
        sound = Path(folder) / "sound.wav"
        soundfile.write(sound, 0.1 * np.random.default_rng(0).standard_normal(8000), 16000)
        faults = try_commands(model, sound, Path(folder) / "out")
        if outside.exists():
            faults.append("code of the file was run")
    return said, faults


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("model", type=Path)
    options.add_argument("--num", type=int, default=200)
    options.add_argument("--first", type=int, default=0, help="seed")
    options.add_argument("--verbose", action="store_true")
    chosen = options.parse_args()
    torch.set_num_threads(1)  # threads do not outlive a fork
    num_bad = 0
    for seed in range(chosen.first, chosen.first + chosen.num):
        said, faults = try_mutant(chosen.model, seed)
        num_bad += bool(faults)
        if faults or chosen.verbose:
            print(f"{seed}: {said}: {'; '.join(faults) or 'well'}", flush=True)
    print(f"{num_bad} of {chosen.num} bad")


if __name__ == "__main__":
    main()
