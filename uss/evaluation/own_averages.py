"""Average embeddings by the PANNs of an adopted model, into its directory: stage 6 for it."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from uss.data.anchor_set import AnchorSet
from uss.data.averages import AverageEmbeddings, average_embeddings
from uss.data.dataset import Dataset
from uss.data.mixture_list import MixtureList
from uss.data.packed import write_part
from uss.files import Step, digest_of_stats
from uss.layout import EMBEDDINGS, PANNS
from uss.model_store.adoption import Adoption, sample_rate_of

if TYPE_CHECKING:
    from uss.model_store.own_panns import OwnEncoder

Inputs = dict[str, Path | str | None]


class QueryTargets(NamedTuple):
    """What is averaged: its digests, and the averages by an encoder, of segments of that many
    samples at the encoder's rate."""

    inputs: Inputs
    average: "Callable[[OwnEncoder, int], AverageEmbeddings]"


def targets_of_list(query: Path, anchors: AnchorSet, dataset: Dataset) -> QueryTargets:
    """The targets of the query list."""

    def average(encoder: "OwnEncoder", num_samples: int) -> AverageEmbeddings:
        def embed(rows: list[int]):
            return encoder(anchors.signals(rows), anchors.sample_rate)

        return average_embeddings(MixtureList(query, anchors), dataset.classes, embed)

    return QueryTargets(query_inputs(query, anchors, dataset), average)


def targets_of_clips(dataset: Dataset) -> QueryTargets:
    """The training clips of a recipe that has no anchors."""
    clips = dataset.clips("train")
    audio = digest_of_stats(sorted({Path(clip.path) for clip in clips}))
    tables = {"clips": dataset.clips_path("train"), "classes": dataset.data / "classes.csv"}

    def average(encoder: "OwnEncoder", num_samples: int) -> AverageEmbeddings:
        from uss.evaluation.query_clips import averages_of_clips

        return averages_of_clips(clips, dataset.classes, encoder, num_samples)

    return QueryTargets({**tables, "audio": audio}, average)


def query_inputs(query: Path, anchors: AnchorSet, dataset: Dataset) -> Inputs:
    """What the averages of a query list depend on, beside what embeds it."""
    classes = dataset.data / "classes.csv"
    return {"query": query, "anchors": anchors.packed.digest, "classes": classes}


def write_own_averages(
    directory: Path, adoption: Adoption, targets: QueryTargets, dataset: Dataset
) -> None:
    settings = {
        "sample_rate": sample_rate_of(directory),
        "segment_samples": adoption.segment_samples,
    }
    step = Step(directory / EMBEDDINGS, {**targets.inputs, "panns": directory / PANNS}, settings)
    if not step.is_current():
        from uss.model_store.own_panns import OwnEncoder

        averages = targets.average(OwnEncoder(directory), adoption.segment_samples)
        content = {**averages._asdict(), "class_name": dataset.classes.names}
        write_part(step.output, content, **settings)
        step.finish()
