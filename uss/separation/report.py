"""Spectrograms of what was separated, and a page to listen to it."""

from html import escape
from pathlib import Path
from urllib.parse import quote

import numpy as np

from uss import plotting
from uss.audio_files.reader import blocks, opened
from uss.evaluation.page_template import STYLE
from uss.evaluation.spectrogram import HOP_SECONDS, WINDOW_SECONDS, colour_limits, spectrogram
from uss.files import read_json, write_text
from uss.separation.files import RECORD

MAX_COLUMNS = 2000  # of a picture; a longer recording is sampled
MAX_TITLE_LETTERS = 80  # what fits over a picture


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
    """A PNG beside each output and one of the input, on one colour scale, unless those of these
    outputs are there; a warning where they cannot be drawn."""
    outputs = read_json(folder / RECORD)["outputs"].values()
    files = {folder / f"{path.stem}.png": path}
    files |= {folder / Path(o["file"]).with_suffix(".png"): folder / o["file"] for o in outputs}
    written = (folder / RECORD).stat().st_mtime_ns
    if not all(p.exists() and p.stat().st_mtime_ns >= written for p in files):
        plotting.draw(list(files), lambda: _draw(files))


def _draw(files: dict[Path, Path]) -> None:
    """Picture -> the audio file that it shows."""
    from matplotlib.figure import Figure

    images = {picture: columns(file) for picture, file in files.items()}
    low, high = colour_limits([values for values, _, _ in images.values()])
    for picture, (values, seconds, rate) in images.items():
        figure = Figure(figsize=(8, 3), layout="constrained")
        axes = figure.add_subplot()
        extent = (0, seconds, 0, rate / 2000)
        axes.imshow(
            values.T, origin="lower", aspect="auto", extent=extent, vmin=low, vmax=high,
            cmap="magma",
        )  # fmt: skip
        title = plotting.as_title(picture.stem, MAX_TITLE_LETTERS)
        axes.set(xlabel="time (s)", ylabel="frequency (kHz)", title=title)
        plotting.save(figure, picture, dpi=100)


def write_report(folders: dict[Path, Path], output: Path, has_pictures: bool) -> None:
    """<output>/index.html: a card for each input that was separated.

    has_pictures: spectrograms were asked for; the page says where one is missing.
    """
    cards = []
    for path, folder in folders.items():
        if (folder / RECORD).exists():
            cards.append(_card(path, folder, output, has_pictures))
    title = f"Separated: {len(cards)} of {len(folders)} recordings"
    write_text(
        output / "index.html",
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>\n'
        f"<style>{STYLE}</style></head>\n<body><h1>{title}</h1>\n"
        f'<div class="cards">{"".join(cards)}</div></body></html>\n',
    )


def _card(path: Path, folder: Path, output: Path, has_pictures: bool) -> str:
    record = read_json(folder / RECORD)
    picture, address = folder / f"{path.stem}.png", path.resolve().as_uri()
    figures = [_figure(picture, address, "input", output, has_pictures)]
    for name, of in record["outputs"].items():
        values = [value for value in of["confidence"] or [] if value is not None]
        caption = f"{name} (confidence {np.mean(values):.2f})" if values else name
        file = folder / of["file"]
        address = quote(file.relative_to(output).as_posix())
        picture = file.with_suffix(".png")
        figures.append(_figure(picture, address, caption, output, has_pictures))
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


def _figure(picture: Path, address: str, caption: str, output: Path, has_pictures: bool) -> str:
    image = '<p class="small">The spectrogram could not be drawn.</p>' if has_pictures else ""
    if picture.is_file():
        source = quote(picture.relative_to(output).as_posix())
        image = f'<img src="{source}" alt="Spectrogram of {escape(caption)}" loading="lazy">'
    return (
        f'<figure>{image}<audio controls preload="none" src="{escape(address)}"></audio>'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )
