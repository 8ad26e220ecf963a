"""index.html: tables, figures and examples to listen to, from a local folder, without a network."""

from dataclasses import dataclass
from html import escape
from pathlib import Path
from urllib.parse import quote

from uss.evaluation.comparison import Comparison
from uss.evaluation.results import BOUND, Scores
from uss.files import size_of, write_text
from uss.reporting.chosen_examples import Example
from uss.reporting.page_template import PAGE, SCRIPT, STYLE
from uss.reporting.record import Record
from uss.reporting.results_markdown import costs_table, trainings_table
from uss.reporting.results_table import Table, class_table, decibels, label, notes, table1


@dataclass
class ExampleCard:
    """One mixture to listen to.

    Attributes:
        mixture_id: the folder in examples/ with <signal>.wav and <signal>.png.
        title: the target's class.
        caption: what it is an example of.
        sdri: signal -> dB, for the systems; mixture and target are always there.
        seconds, rate: of the waveforms.
    """

    mixture_id: str
    title: str
    caption: str
    sdri: dict[str, float]
    seconds: float
    rate: int


def write_page(record: Record, cards: list[ExampleCard], loss_curves: dict[str, str], path: Path):
    """Write the page.

    Args:
        cards: in the order in which they are shown.
        loss_curves: model -> its picture, relative to the page's folder.
        path: index.html, beside the files that it links to.
    """
    comparison = record.comparison
    seeds = ", ".join(dict.fromkeys(str(training.seed) for training in record.trainings))
    commits = ", ".join(facts["commit"] for facts in record.facts.values()).split(", ")
    subtitle = f"{len(comparison.trained)} systems; commit {', '.join(dict.fromkeys(commits))}"
    subtitle += f"; training seed {seeds}" if seeds else ""
    page = PAGE.substitute(
        title=escape(f"Results of {record.recipe}, {record.name}"),
        style=STYLE,
        subtitle=escape(subtitle),
        table1=html_table(table1(comparison, record.sed)),
        notes="\n".join(
            f'<p class="small">{escape(note)}</p>' for note in notes(comparison, record.sed)
        ),
        figure2=_figure(path.parent, "figure2", "SDRi of each class, descending", ["pdf", "csv"]),
        figure3=_figure(path.parent, "figure3", "Spectrograms of examples", ["pdf"]),
        cards="\n".join(_card(card, path.parent) for card in cards),
        classes=html_table(class_table(comparison), sortable=True),
        costs=html_table(costs_table(record)),
        trainings=_trainings(record, loss_curves, path.parent),
        command=escape(record.command),
        script=SCRIPT,
    )
    write_text(path, page)


def _figure(folder: Path, stem: str, alt: str, kinds: list[str]) -> str:
    """A figure of the paper at 150 dots an inch, and links to it in other formats."""
    png = folder / f"{stem}.png"
    width = _png_width(png) // 2 if size_of(png) else 0
    image = _picture(folder, png.name, alt, f'class="figure" width="{width}"')
    links = [
        f'<a href="{stem}.{kind}">{kind.upper()}</a>'
        for kind in kinds
        if (folder / f"{stem}.{kind}").is_file()
    ]
    return f'{image}\n<p class="small">{", ".join(links)}</p>'


def _picture(folder: Path, name: str, alt: str, attributes: str = "") -> str:
    """The picture folder/name; a sentence in its place where it could not be drawn."""
    if not size_of(folder / name):
        return f'<p class="small">{escape(name)} is missing: it could not be drawn.</p>'
    return f'<img src="{escape(quote(name))}" alt="{escape(alt)}" {attributes}>'


def _png_width(path: Path) -> int:
    """Of the header's first chunk: length, "IHDR", width, ..."""
    return int.from_bytes(path.read_bytes()[16:20])


def example_cards(
    examples: list[Example], chosen: dict[str, list[str]], scores: Scores, comparison: Comparison
) -> list[ExampleCard]:
    """A card for each example.

    Args:
        chosen: mixture_id -> what it is an example of.
    """
    class_of = dict(zip(scores.mixture_ids, scores.class_ids, strict=True))
    names = {row.class_id: row.name for row in comparison.classes}
    sdri = {
        system: scores.of(system, "oracle" if system == BOUND else "average", "sdri")
        for system in comparison.systems
    }
    return [
        ExampleCard(
            mixture_id=example.mixture_id,
            title=names[class_of[example.mixture_id]],
            caption=", ".join(chosen[example.mixture_id]),
            sdri={system: values[example.mixture_id] for system, values in sdri.items()},
            seconds=len(example.waveforms["mixture"]) / example.rate,
            rate=example.rate,
        )
        for example in examples
    ]


def html_table(table: Table, sortable: bool = False) -> str:
    heading = "<button>{}</button>" if sortable else "{}"
    header = "".join(f"<th>{heading.format(escape(text))}</th>" for text in table.header)
    rows = [f"<tr>{''.join(_table_cell(text) for text in row)}</tr>" for row in table.rows]
    opening = '<table class="sortable">' if sortable else "<table>"
    body = "\n".join(rows)
    return f"{opening}<thead><tr>{header}</tr></thead>\n<tbody>\n{body}\n</tbody></table>"


def _table_cell(text: str) -> str:
    """An interval goes below its value."""
    value, bracket, interval = text.partition(" (")
    if not bracket or "…" not in interval:
        return f"<td>{escape(text)}</td>"
    return f'<td>{escape(value)}<span class="interval">({escape(interval)}</span></td>'


def _card(card: ExampleCard, folder: Path) -> str:
    axes = f"0 to {card.seconds:g} s, 0 to {card.rate / 2000:g} kHz"
    captions = {"mixture": "mixture", "target": "target"}
    captions |= {
        system: f"{label(system)}: SDRi {decibels(value)} dB" for system, value in card.sdri.items()
    }
    signals = []
    for signal, caption in captions.items():
        address = escape(f"examples/{quote(card.mixture_id)}/{quote(signal)}")
        picture = _picture(
            folder,
            f"examples/{card.mixture_id}/{signal}.png",
            f"Spectrogram of {label(signal)}, {axes}",
            f'title="{axes}" loading="lazy"',
        )
        signals.append(
            f"<figure>{picture}"
            f'<audio controls preload="none" src="{address}.wav"></audio>'
            f"<figcaption>{escape(caption)}</figcaption></figure>"
        )
    caption = escape(f"{card.mixture_id}: {card.caption}; spectrograms from {axes}")
    return (
        f'<section class="card"><h3>{escape(card.title)}</h3><div class="small">{caption}</div>'
        f'<div class="signals">{"".join(signals)}</div></section>'
    )


def _trainings(record: Record, loss_curves: dict[str, str], folder: Path) -> str:
    if not record.trainings:
        return ""
    curves = [
        f"<figure>{_picture(folder, name, f'Loss of {model}')}"
        f"<figcaption>{escape(model)}</figcaption></figure>"
        for model, name in loss_curves.items()
    ]
    table = html_table(trainings_table(record))
    pictures = f'<div class="curves">{"".join(curves)}</div>'
    return f'<h2>Training</h2>\n<div class="scroll">{table}</div>\n{pictures}'
