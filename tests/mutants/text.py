"""Mutants of tables and YAML: one seed, one mutant."""

import numpy as np

CELLS = (
    *("", " ", "1_000", "٣", "1e400", "-1e400", "nan", "inf", "0x10", "-1", "010", "1.5", "1e-3"),
    *("9" * 30, "9" * 5000, "1e300", "x" * 200_000, "a/b", "..", "/", "../../x", "a\x1b[31mb", "é"),
    *(
        "\ufeff",
        "a\x00b",
        '"',
        '"a',
        '"a\nb"',
        '"a,b"',
        "a\tb",
        "日本",
        "$x",
        "<b>",
        "None",
        "true",
    ),
)
VALUES = (
    *("010", "0o10", "1:30", "1:30.5", "1_000", "0x10", "0b1", "1e-3", "1e400", ".nan", ".inf"),
    *("nan", "yes", "no", "on", "off", "~", "null", "2024-01-01", "!!python/name:os.system x"),
    *(
        "!!int '3'",
        "!!binary aGk=",
        "!!set {a}",
        "&a [1]",
        "*a",
        "[*a, *a]",
        "'5'",
        '"5"',
        "-1",
        "0",
    ),
    *(
        "9" * 30,
        "9" * 6000,
        "[" * 30,
        "[" * 3000 + "]" * 3000,
        "{a: 1, a: 2}",
        "[1, 2",
        "|",
        ">-\n  a",
    ),
    *(
        "{<<: {a: 1}}",
        "? a",
        "%",
        "@a",
        "`a`",
        "\tx",
        "é",
        "\x00",
        "\x07",
        "a: b",
        "- a",
        "x" * 99_999,
    ),
    *("1e18", "4096", "16000000000", "[]", "{}", "[1, x]", "true", "1.0", "=", "''"),
)


def mutate_table(content: bytes, seed: int) -> tuple[bytes, str]:
    """What may only change how a table is written begins with `same`."""
    rng = np.random.default_rng([seed, 6])
    lines = content.decode().splitlines()
    row = int(rng.integers(len(lines)))
    how = int(rng.integers(16))
    if how == 0:
        ends = ["\r\n", "\r", "\n\n", "\r\n\r\n"]
        end = ends[int(rng.integers(len(ends)))]
        mark = "\ufeff" if rng.integers(2) else ""
        return (mark + end.join(lines) + end * int(rng.integers(3))).encode(), "same: line ends"
    if how == 1:
        quoted = [",".join(f'"{cell}"' for cell in line.split(",")) for line in lines]
        return "\n".join(quoted).encode(), "same: quotes"
    if how == 2:
        return "\n".join(lines).encode("utf-16" if rng.integers(2) else "utf-16-le"), "UTF-16"
    if how == 3:
        mark = [";", "\t", ", ", " "][int(rng.integers(4))]
        return "\n".join(lines).replace(",", mark).encode(), f"separator {mark!r}"
    if how == 4:
        return _bytes(content, rng), "bytes"
    if how == 5:
        lines.insert(row, lines[int(rng.integers(len(lines)))])
    elif how == 6:
        del lines[row]
    elif how == 7:
        lines[row] = ",".join(lines[row].split(",")[:-1])
    elif how == 8:
        lines[row] += ",more"
    elif how == 9:
        lines[row] = "," * lines[row].count(",")
    else:
        cells = lines[row].split(",")
        column = int(rng.integers(len(cells)))
        cells[column] = CELLS[int(rng.integers(len(CELLS)))]
        lines[row] = ",".join(cells)
        return ("\n".join(lines) + "\n").encode(), f"line {row + 1}: {cells[column][:20]!r}"
    return ("\n".join(lines) + "\n").encode(), f"line {row + 1}: way {how}"


def mutate_yaml(content: bytes, seed: int) -> tuple[bytes, str]:
    rng = np.random.default_rng([seed, 7])
    lines = content.decode().splitlines()
    keyed = [number for number, line in enumerate(lines) if ":" in line.partition("#")[0]]
    row = keyed[int(rng.integers(len(keyed)))]
    how = int(rng.integers(14))
    if how == 0:
        mark = "\ufeff" if rng.integers(2) else ""
        return (mark + ["\r\n", "\r"][how % 2].join(lines)).encode(), "same: line ends"
    if how == 1:
        return "\n".join(lines).encode("utf-16"), "UTF-16"
    if how == 2:
        return _bytes(content, rng), "bytes"
    if how == 3:
        lines.insert(keyed[int(rng.integers(len(keyed)))], lines[row])
    elif how == 4:
        bomb = ["a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]"]
        bomb += [
            f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(9 * [f'*{chr(97 + n)}'])}]"
            for n in range(9)
        ]
        lines += bomb
    elif how == 5:
        more = ["---", "...", "%YAML 1.1", "--- a: 1", "? [a]\n: 1", "<<: {a: 1}", "x" * 300_000]
        lines.insert(row, more[int(rng.integers(len(more)))])
    elif how == 6:
        lines = [] if rng.integers(2) else ["- 1"]
    elif how == 7:
        lines[row] = "\t" + lines[row]
    else:
        key = lines[row].partition(":")[0]
        value = VALUES[int(rng.integers(len(VALUES)))]
        lines[row] = f"{key}: {value}"
        return ("\n".join(lines) + "\n").encode(), lines[row][:60]
    return ("\n".join(lines) + "\n").encode(), f"line {row + 1}: way {how}"


def _bytes(content: bytes, rng: np.random.Generator) -> bytes:
    changed = bytearray(content)
    if rng.integers(3) == 0:
        return bytes(changed[: rng.integers(len(changed))])
    for position in rng.integers(len(changed), size=int(rng.integers(1, 9))):
        changed[position] = int(rng.integers(256))
    return bytes(changed)
