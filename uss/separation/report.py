"""Spectrograms of what was separated, and a page to listen to it."""

from html import escape
from pathlib import Path
from urllib.parse import quote

import numpy as np

from uss.audio_files.reader import blocks, opened
from uss.evaluation.page_template import STYLE
from uss.evaluation.spectrogram import HOP_SECONDS, WINDOW_SECONDS, colour_limits, spectrogram
from uss.files import atomic, read_json, write_text
from uss.separation.files import RECORD

MAX_COLUMNS = 2000  # of a picture; a longer recording is sampled


def columns(path: Path) -> tuple[np.ndarray, float, int]:
    """(frames, bins) in dB of a file, mixed down, its seconds and its rate."""
    with opened(path) as file:
        rate, num_samples = file.samplerate, file.frames
        mono = (block.mean(axis=0, dtype=np.float32) for block in blocks(file))
        if num_samples / rate <= MAX_COLUMNS * HOP_SECONDS:
            return spectrogram(np.concatenate(list(mono)), rate), num_samples / rate, rate
        size, pieces = round(WINDOW_SECONDS * rate), []
        starts = iter(np.linspace(0, num_samples - size, MAX_COLUMNS).astype(int))
        start, first, waiting = next(starts), 0, np.zeros(0, np.float32)
        for block in mono:
            waiting = np.concatenate([waiting, block])
            while start is not None and start + size <= first + len(waiting):
                piece = waiting[start - first : start - first + size]
                pieces.append(spectrogram(piece, rate)[2:3])
                start = next(starts, None)
            first, waiting = first + max(0, len(waiting) - size), waiting[-size:]
        return np.concatenate(pieces), num_samples / rate, rate


def draw(path: Path, folder: Path) -> None:
    """A PNG beside each output and one of the input, on one colour scale."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    outputs = read_json(folder / RECORD)["outputs"].values()
    files = {f"{path.stem}.png": path}
    files |= {Path(o["file"]).with_suffix(".png").name: folder / o["file"] for o in outputs}
    if all((folder / name).exists() for name in files):
        return
    pictures = {name: columns(file) for name, file in files.items()}
    low, high = colour_limits([values for values, _, _ in pictures.values()])
    for name, (values, seconds, rate) in pictures.items():
        figure = Figure(figsize=(8, 3), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        extent = (0, seconds, 0, rate / 2000)
        axes.imshow(
            values.T, origin="lower", aspect="auto", extent=extent, vmin=low, vmax=high,
            cmap="magma",
        )  # fmt: skip
        axes.set(xlabel="time (s)", ylabel="frequency (kHz)", title=name.removesuffix(".png"))
        with atomic(folder / name) as temporary:
            figure.savefig(temporary, dpi=100)


def write_report(folders: dict[Path, Path], output: Path) -> None:
    """<output>/index.html: a card for each input that was separated."""
    cards = []
    for path, folder in folders.items():
        if (folder / RECORD).exists():
            cards.append(_card(path, folder, output))
    title = f"Separated: {len(cards)} of {len(folders)} recordings"
    write_text(
        output / "index.html",
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>\n'
        f"<style>{STYLE}</style></head>\n<body><h1>{title}</h1>\n"
        f'<div class="cards">{"".join(cards)}</div></body></html>\n',
    )


def _card(path: Path, folder: Path, output: Path) -> str:
    record = read_json(folder / RECORD)
    figures = [_figure(folder / f"{path.stem}.png", path.resolve().as_uri(), "input", output)]
    for name, of in record["outputs"].items():
        values = [value for value in of["confidence"] or [] if value is not None]
        caption = f"{name} (confidence {np.mean(values):.2f})" if values else name
        file = folder / of["file"]
        address = quote(file.relative_to(output).as_posix())
        figures.append(_figure(file.with_suffix(".png"), address, caption, output))
    lines = [
        f"<tr><td>{escape(h['name'])}</td><td>{h['start_seconds']} to {h['end_seconds']} s</td>"
        f"<td>{h['probability']:.2f}</td></tr>"
        for h in record["heard"]
    ]
    heard = f"<table>{''.join(lines)}</table>" if lines else ""
    return (
        f'<section class="card"><h3>{escape(str(path))}</h3>'
        f'<div class="signals">{"".join(figures)}</div>{heard}</section>\n'
    )


def _figure(picture: Path, address: str, caption: str, output: Path) -> str:
    image = ""
    if picture.exists():
        source = quote(picture.relative_to(output).as_posix())
        image = f'<img src="{source}" alt="Spectrogram of {escape(caption)}" loading="lazy">'
    return (
        f'<figure>{image}<audio controls preload="none" src="{escape(address)}"></audio>'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )
