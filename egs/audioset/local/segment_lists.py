"""AudioSet's lists on this disk: downloaded where they are not there."""

import logging
from pathlib import Path

from uss.data.fetch import FetchError, fetch

from .data_config import Data

TIMEOUT_SECONDS = 60.0

logger = logging.getLogger(__name__)


def segment_lists(files: list[str], config: Data) -> list[Path]:
    """The paths of the lists.

    Raises:
        ValueError: a list that is not there and cannot be downloaded.
    """
    paths = [Path(config.segments_folder) / file for file in files]
    for path in paths:
        if not path.exists():
            url = config.segments_url.format(file=path.name)
            logger.info("download %s from %s", path, url)
            try:
                fetch(url, path, TIMEOUT_SECONDS)
            except FetchError as error:
                raise ValueError(
                    f"{path} is missing and cannot be downloaded ({error}): get {url} on a "
                    f"machine with a network and put it there, or name its folder in "
                    "data.segments_folder; its rows are counted against its header"
                ) from None
    return paths
