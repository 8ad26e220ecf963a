"""Damage to HDF5 files: as bytes, or one dataset or attribute replaced by something else."""

from pathlib import Path

import h5py
import numpy as np

from tests.mutation.damage import Rng, damaged

ATTRIBUTES = (None, 0, -1, 2**62, 1.5, np.nan, "x", b"\xff", [1, 2, 3], np.zeros(0), True)


def damaged_h5(original: Path, target: Path, rng: Rng) -> str:
    """Write a damaged copy; what was done."""
    content = original.read_bytes()
    if rng.random() < 0.3:
        what, content = damaged(content, rng)
        target.write_bytes(content)
        return what
    target.write_bytes(content)
    with h5py.File(target, "a") as file:
        attributes, names = sorted(file.attrs), sorted(file)
        if attributes and rng.random() < 0.2:
            name = attributes[rng.integers(len(attributes))]
            value = ATTRIBUTES[rng.integers(len(ATTRIBUTES))]
            del file.attrs[name]
            if value is not None:
                file.attrs[name] = value
            return f"attribute {name}: {value!r}"
        name = names[rng.integers(len(names))]
        change = CHANGES[rng.integers(len(CHANGES))]
        change(file, name, rng)
        return f"{name}: {change.__name__}"


def put(file: h5py.File, name: str, values: object, **options: object) -> None:
    del file[name]
    file.create_dataset(name, data=values, **options)


def missing(file, name, rng):
    del file[name]


def other_type(file, name, rng):
    values = file[name][()]
    kinds = ("f2", "f4", "f8", "i1", "i8", "u2", ">f4", ">i2", "c8", "?", "S3", "S40")
    kind = np.dtype(kinds[rng.integers(len(kinds))])
    if values.dtype.kind == "S" or kind.kind == "S":
        values = np.zeros(values.shape, kind)
    put(file, name, values.astype(kind))


def fewer_rows(file, name, rng):
    put(file, name, file[name][: len(file[name]) // 2])


def no_rows(file, name, rng):
    put(file, name, file[name][:0])


def more_rows(file, name, rng):
    put(file, name, np.concatenate([file[name][()]] * 2))


def more_axes(file, name, rng):
    put(file, name, file[name][()][None] if rng.random() < 0.5 else file[name][()][..., None])


def fewer_axes(file, name, rng):
    put(file, name, np.ravel(file[name][()]))


def scalar(file, name, rng):
    put(file, name, np.ravel(file[name][()])[0])


def other_width(file, name, rng):
    values = file[name][()]
    put(file, name, values[..., :1] if values.ndim > 1 else np.stack([values, values], 1))


def no_width(file, name, rng):
    values = file[name][()]
    put(file, name, values[..., :0])


def group(file, name, rng):
    del file[name]
    file.create_group(name)


def compressed(file, name, rng):
    values = file[name][()]
    put(file, name, values, compression="gzip", chunks=values.shape)


def unlimited(file, name, rng):
    values = file[name][()]
    put(file, name, values, maxshape=(None, *values.shape[1:]), chunks=True)


def variable_text(file, name, rng):
    rows = len(file[name])
    put(file, name, ["text" * (row % 5) for row in range(rows)], dtype=h5py.string_dtype())


def variable_rows(file, name, rng):
    rows = len(file[name])
    del file[name]
    dataset = file.create_dataset(name, (rows,), h5py.vlen_dtype(np.int16))
    for row in range(rows):
        dataset[row] = np.arange(row)


def compound(file, name, rng):
    put(file, name, np.zeros(len(file[name]), [("a", "i4"), ("b", "f4")]))


def enum(file, name, rng):
    kind = h5py.enum_dtype({"a": 0, "b": 1}, basetype="i1")
    put(file, name, np.zeros(file[name].shape, "i1"), dtype=kind)


def references(file, name, rng):
    rows = len(file[name])
    del file[name]
    file.create_dataset(name, (rows,), h5py.ref_dtype)


def empty(file, name, rng):
    del file[name]
    file[name] = h5py.Empty("f4")


def bomb(file, name, rng):
    """A few kilobytes that stand for terabytes."""
    kind, tail = file[name].dtype, file[name].shape[1:]
    del file[name]
    rows = 10**9 // max(1, int(np.prod(tail))) * 1000
    file.create_dataset(name, (rows, *tail), kind, chunks=(1000, *tail), compression="gzip")


def virtual(file, name, rng):
    shape, kind = file[name].shape, file[name].dtype
    del file[name]
    layout = h5py.VirtualLayout(shape, kind)
    layout[...] = h5py.VirtualSource("/etc/hostname", name, shape)
    file.create_virtual_dataset(name, layout)


def external_data(file, name, rng):
    shape, kind = file[name].shape, file[name].dtype
    del file[name]
    file.create_dataset(name, shape, kind, external=[("/etc/hostname", 0, h5py.h5f.UNLIMITED)])


def external_link(file, name, rng):
    del file[name]
    other = ["/etc/hostname", "not there.h5", file.filename][rng.integers(3)]
    file[name] = h5py.ExternalLink(other, name)


def soft_link(file, name, rng):
    del file[name]
    file[name] = h5py.SoftLink(["/" + name, "/nowhere", "/"][rng.integers(3)])


def cycle(file, name, rng):
    file.create_group("extra")["again"] = file["/"]


def extra(file, name, rng):
    file["extra"] = np.zeros(3)


def extra_group(file, name, rng):
    file.create_group("extra")


def strange_name(file, name, rng):
    file.move(name, [f"{name} ", name.upper(), f"{name}é"][rng.integers(3)])


def not_finite(file, name, rng):
    values = file[name][()]
    if values.dtype.kind == "f":
        values.reshape(-1)[:: max(1, values.size // 3)] = rng.choice([np.nan, np.inf, 1e38])
        put(file, name, values)


def zeros(file, name, rng):
    put(file, name, np.zeros_like(file[name][()]))


def not_utf8(file, name, rng):
    values = file[name][()]
    if values.dtype.kind == "S":
        values[0] = b"\xff\xfe"
        put(file, name, values)


def twice(file, name, rng):
    values = file[name][()]
    values[-1] = values[0]
    put(file, name, values)


CHANGES = (
    missing, other_type, other_type, fewer_rows, no_rows, more_rows, more_axes, fewer_axes, scalar,
    other_width, no_width, group, compressed, unlimited, variable_text, variable_text,
    variable_rows, compound, enum, references, empty, bomb, virtual, external_data, external_link,
    soft_link, cycle, extra, extra_group, strange_name, not_finite, zeros, not_utf8, twice,
)  # fmt: skip
