"""Mutants of a packed HDF5 file: one seed, one mutant."""

from pathlib import Path

import h5py
import numpy as np

HUGE = (1 << 20, 1 << 31, 1 << 40, 1 << 50)
TYPES = (
    *("i1", "u1", ">i2", "<i4", ">i8", "u8", "f2", ">f4", "f8", "c8", "V7", "S1", "S300", "g"),
    *(bool, h5py.string_dtype(), h5py.vlen_dtype("i4"), h5py.ref_dtype, [("a", "i4"), ("b", "f4")]),
    *(h5py.enum_dtype({"A": 1}), h5py.string_dtype("utf-8", 9)),
)


def mutate(path: Path, seed: int) -> str:
    """Change a file; says how."""
    rng = np.random.default_rng([seed, 5])
    kind = rng.choice(["bytes", "dataset", "attribute", "link"], p=[0.35, 0.4, 0.15, 0.1])
    if kind == "bytes":
        return _bytes(path, rng)
    with h5py.File(path, "r+") as file:
        if kind == "dataset":
            return _dataset(file, str(rng.choice(sorted(file))), rng)
        if kind == "attribute":
            return _attribute(file, rng)
        return _link(file, str(rng.choice(sorted(file))), rng)


def _bytes(path: Path, rng: np.random.Generator) -> str:
    content = bytearray(path.read_bytes())
    how = rng.integers(5)
    end = min(len(content), 4096) if rng.random() < 0.8 else len(content)  # the structure
    if how == 0:
        del content[rng.integers(len(content)) :]
    elif how == 1:
        content += rng.bytes(int(rng.integers(1, 5000)))
    elif how == 2:
        start = int(rng.integers(end))
        content[start : start + 64] = bytes(min(64, len(content) - start))
    else:
        for position in rng.integers(end, size=int(rng.integers(1, 9 if how == 3 else 200))):
            content[position] = int(rng.integers(256))
    path.write_bytes(content)
    return f"bytes, way {how}"


def _dataset(file: h5py.File, name: str, rng: np.random.Generator) -> str:
    values = file[name][:]
    del file[name]
    how = int(rng.integers(12))
    if how == 0:
        file.create_group(name)
    elif how == 1:
        pass  # it is missing
    elif how in (2, 3, 4):
        kind = TYPES[int(rng.integers(len(TYPES)))]
        file.create_dataset(name, shape=values.shape, dtype=kind)
        return f"{name}: type {kind}"
    elif how == 5:
        shapes = [(), (0,), (len(values), 0), (1, *values.shape), values.shape[:1], None]
        shape = shapes[int(rng.integers(len(shapes)))]
        content = h5py.Empty(values.dtype) if shape is None else None
        file.create_dataset(name, data=content, shape=shape, dtype=values.dtype)
        return f"{name}: shape {shape}"
    elif how == 6:
        shape = list(values.shape)
        shape[int(rng.integers(len(shape)))] = int(rng.choice(HUGE))
        chunks = bool(rng.integers(2)) or None
        compression = "gzip" if chunks else None
        file.create_dataset(
            name, shape=tuple(shape), dtype=values.dtype, chunks=chunks, compression=compression
        )
        return f"{name}: shape {shape}, chunks {chunks}"
    elif how == 7:
        file.create_dataset(name, data=values, chunks=True, compression="gzip", shuffle=True)
    elif how == 8:
        layout = h5py.VirtualLayout(values.shape, values.dtype)
        layout[:] = h5py.VirtualSource("/etc/passwd", "a", values.shape)
        file.create_virtual_dataset(name, layout)
    elif how == 9:
        file.create_dataset(
            name, shape=values.shape, dtype=values.dtype, external=[("/etc/passwd", 0, 1 << 40)]
        )
    elif how == 10:
        file[name] = values[: len(values) // 2]
    else:
        junk = rng.bytes(values.nbytes)
        file[name] = np.frombuffer(junk, values.dtype).reshape(values.shape)
    return f"{name}: way {how}"


def _attribute(file: h5py.File, rng: np.random.Generator) -> str:
    name = str(rng.choice([*file.attrs, "more"]))
    values = [0, -1, 1 << 62, 3.5, float("nan"), "text", b"\xff\xfe", [1, 2], True, [], [7]]
    values += [h5py.Empty("f4"), np.zeros(3, [("a", "i4")]), np.complex64(1), ["a", "b"]]
    number = int(rng.integers(-1, len(values)))
    if number < 0:
        file.attrs.pop(name, None)
    else:
        file.attrs[name] = values[number]
    return f"attribute {name}: {None if number < 0 else values[number]!r}"


def _link(file: h5py.File, name: str, rng: np.random.Generator) -> str:
    del file[name]
    targets = [
        h5py.SoftLink(f"/{name}"),
        h5py.SoftLink("/nowhere"),
        h5py.SoftLink(f"/{sorted(file)[0]}" if len(file) else "/"),
        h5py.ExternalLink("/etc/passwd", "/a"),
        h5py.ExternalLink(file.filename, f"/{name}"),
        file["/"],
    ]
    number = int(rng.integers(len(targets)))
    file[name] = targets[number]
    return f"{name}: link {number}"
