"""index.html: tables, figures and examples to listen to, from a local folder, without a network."""

from dataclasses import dataclass
from pathlib import Path

from uss.evaluation.comparison import Comparison
from uss.evaluation.results import BOUND, Scores
from uss.files import size_of, write_text
from uss.reporting.chosen_examples import Example
from uss.reporting.page_template import TEMPLATES, render
from uss.reporting.record import Record
from uss.reporting.results_markdown import costs_table, trainings_table
from uss.reporting.results_table import class_table, decibels, label, notes, system_tables


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

    @property
    def axes(self) -> str:
        """Of the spectrograms."""
        return f"0 to {self.seconds:g} s, 0 to {self.rate / 2000:g} kHz"

    @property
    def captions(self) -> dict[str, str]:
        """Signal -> what stands below it."""
        systems = {
            system: f"{label(system)}: SDRi {decibels(value)} dB"
            for system, value in self.sdri.items()
        }
        return {"mixture": "mixture", "target": "target", **systems}


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
    page = render(
        TEMPLATES / "page.html",
        title=f"Results of {record.recipe}, {record.name}",
        subtitle=subtitle,
        systems=system_tables(comparison, record.sed),
        notes=notes(comparison, record.sed),
        cards=cards,
        classes=class_table(comparison),
        costs=costs_table(record),
        trainings=trainings_table(record),
        loss_curves=loss_curves,
        command=record.command,
        label=label,
        with_interval=with_interval,
        is_drawn=lambda name: bool(size_of(path.parent / name)),
        width=lambda png: shown_width(path.parent / png),
    )
    write_text(path, page)


def with_interval(text: str) -> tuple[str, str]:
    """A cell's value, and the interval in brackets behind it; "" where there is none."""
    value, bracket, interval = text.partition(" (")
    return (value, f"({interval}") if bracket and "…" in interval else (text, "")


def shown_width(png: Path) -> int:
    """Of a figure on the page: half its own, which its header's first chunk gives: length, "IHDR",
    width, ... 0 where it could not be drawn."""
    return int.from_bytes(png.read_bytes()[16:20]) // 2 if size_of(png) else 0


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
