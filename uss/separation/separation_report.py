"""Spectrograms of what was separated, and a page to listen to it."""

import os
from pathlib import Path
from urllib.parse import quote

import numpy as np

from uss import plotting
from uss.audio_files.reader import blocks, opened
from uss.files import read_json, size_of, write_json, write_text
from uss.reporting.page_template import render
from uss.reporting.spectrogram import HOP_SECONDS, WINDOW_SECONDS, colour_limits, spectrogram
from uss.separation.file_separation import RECORD, read_record
from uss.separation.names import picture_name, readable

TEMPLATE = Path(__file__).parent / "templates" / "report.html"
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


def picture_sources(path: Path, folder: Path, record: dict) -> dict[str, Path]:
    """Name of each picture in `folder` -> the sound that it shows: of the input, of each output."""
    files = {picture_name(path): path}
    for output in record["outputs"].values():
        files[Path(output["file"]).with_suffix(".png").name] = folder / output["file"]
    return files


def is_drawn(path: Path, folder: Path) -> bool:
    """Whether all pictures of these outputs are there, as they were drawn."""
    record = read_json(folder / RECORD)
    sizes = {name: size_of(folder / name) for name in picture_sources(path, folder, record)}
    return None not in sizes.values() and record.get("pictures") == sizes


def draw(path: Path, folder: Path) -> None:
    """A PNG beside each output and one of the input, on one colour scale; a warning where they
    cannot be drawn. separation.json says of which size they are, and says nothing of them when the
    outputs are made anew."""
    record = read_json(folder / RECORD)
    files = {folder / name: file for name, file in picture_sources(path, folder, record).items()}
    plotting.draw(list(files), lambda: _draw(files))
    record["pictures"] = {picture.name: size_of(picture) for picture in files}
    write_json(folder / RECORD, record)


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
        title = plotting.as_title(readable(picture.stem), MAX_TITLE_LETTERS)
        axes.set(xlabel="time (s)", ylabel="frequency (kHz)", title=title)
        plotting.save(figure, picture, dpi=100)


def write_report(
    folders: dict[Path, Path], num_inputs: int, output: Path, has_pictures: bool
) -> None:
    """<output>/index.html: a card for each input that was separated, of `num_inputs`.

    has_pictures: spectrograms were asked for; the page says where one is missing.
    """
    cards = []
    for path, folder in folders.items():
        record = read_record(folder)
        if record is not None:  # unless another process has begun anew
            cards.append(_card(path, folder, output, record))
    title = f"Separated: {len(cards)} of {num_inputs} recordings"
    page = render(TEMPLATE, title=title, cards=cards, has_pictures=has_pictures)
    write_text(output / "index.html", page)


def _card(path: Path, folder: Path, output: Path, record: dict) -> dict:
    """A recording as the template takes it: title, signals, what was heard in it."""
    picture, address = folder / picture_name(path), path.resolve().as_uri()
    signals = [_signal(picture, address, "input", output)]
    for name, of in record["outputs"].items():
        values = [value for value in of["confidence"] or [] if value is not None]
        caption = f"{name} (confidence {np.mean(values):.2f})" if values else name
        file = folder / of["file"]
        signals.append(_signal(file.with_suffix(".png"), _address(file, output), caption, output))
    heard = [{**event, "name": readable(event["name"])} for event in record["heard"]]
    return {"title": readable(path), "signals": signals, "heard": heard}


def _address(file: Path, output: Path) -> str:
    """From the page on; of bytes, since a name need not be UTF-8."""
    return quote(os.fsencode(file.relative_to(output).as_posix()))


def _signal(picture: Path, address: str, caption: str, output: Path) -> dict:
    """picture: its address; None where it was not drawn."""
    drawn = _address(picture, output) if size_of(picture) else None
    return {"picture": drawn, "address": address, "caption": readable(caption)}
