"""The downloads of a split: in parallel, resumable, with a record of what is not to be had."""

import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import NamedTuple

from data_config import Download
from fetch import FetchError
from pace import Pace
from segments import Segment
from tqdm import tqdm

from uss.tables import read_table, write_table

RETRY_AFTER = 100  # clips: so that the retries of bad clips do not look like a server that is down
RECORD_EVERY = 100  # failures
REPORT_EVERY = 500  # clips

logger = logging.getLogger(__name__)


class Unavailable(NamedTuple):
    """unavailable.csv of a split; without its row a clip is tried again."""

    clip_id: str
    kind: str  # gone: never tried again; failed: tried until max_attempts
    num_attempts: int
    reason: str


def read_unavailable(path: Path) -> dict[str, Unavailable]:
    return {row.clip_id: row for row in read_table(path, Unavailable)} if path.exists() else {}


def is_given_up(row: Unavailable | None, config: Download) -> bool:
    return row is not None and (row.kind == "gone" or row.num_attempts >= config.max_attempts)


class SplitDownload:
    """Downloads clips until each is there or given up.

    Args:
        split: its name, for messages.
        wanted: the clips to download.
        record: unavailable.csv of the split.
        config: of data.yaml.
        get: downloads one clip; raises FetchError.
    """

    def __init__(
        self,
        split: str,
        wanted: list[Segment],
        record: Path,
        config: Download,
        get: Callable[[Segment, Download], None],
    ) -> None:
        self.split, self.config, self.get, self.record = split, config, get, record
        self.queue = deque(wanted)
        self.unavailable = read_unavailable(record)
        self.pace = Pace(config.seconds_between_requests, config.backoff_seconds)
        self.bar = tqdm(total=len(wanted), desc=split, unit="clip", disable=None)
        self.num_done = self.num_failed = self.num_unrecorded = self.num_in_a_row = 0

    def run(self) -> None:
        """Raises ValueError after too many failures in a row; what is done stays done."""
        running: dict[Future, Segment] = {}
        with ThreadPoolExecutor(self.config.num_parallel) as pool, self.bar:
            try:
                while self.queue or running:
                    while self.queue and len(running) < self.config.num_parallel:
                        segment = self.queue.popleft()
                        running[pool.submit(self._attempt, segment)] = segment
                    for future in wait(running, return_when=FIRST_COMPLETED).done:
                        self._settle(running.pop(future), future.exception())
            finally:
                self.pace.stop()
                self._write_record()
        reasons = f" (reasons: {self.record})" if self.num_failed else ""
        logger.info(
            "%s: %d downloaded, %d failed%s", self.split, self.num_done, self.num_failed, reasons
        )

    def _attempt(self, segment: Segment) -> None:
        self.pace.wait()
        self.get(segment, self.config)

    def _settle(self, segment: Segment, error: BaseException | None) -> None:
        """Account for one try; raises what is no FetchError."""
        if error is None:
            self.unavailable.pop(segment.clip_id, None)
            self.pace.succeeded()
            self.num_in_a_row = 0
            self._finish(failed=False)
        elif not isinstance(error, FetchError):
            raise error
        elif error.kind == "gone":
            self.num_in_a_row = 0
            self._note(segment, error)
            self._finish(failed=True)
        else:
            self._trouble(segment, error)

    def _trouble(self, segment: Segment, error: FetchError) -> None:
        """A refusal, which is no fault of the clip, or a failure, of which it has a few."""
        self.num_in_a_row += 1
        if error.kind == "busy" or self.num_in_a_row > self.config.num_parallel:
            seconds = self.pace.refused(error.pause_seconds)
            if seconds:
                logger.warning("%s: pause of %.0f s after: %s", self.split, seconds, error)
        if error.kind == "busy":
            self.queue.appendleft(segment)
        else:
            self._note(segment, error)
            if is_given_up(self.unavailable[segment.clip_id], self.config):
                self._finish(failed=True)
            else:
                self.queue.insert(min(RETRY_AFTER, len(self.queue)), segment)
        if self.num_in_a_row >= self.config.max_failures_in_a_row and self.queue:
            raise ValueError(
                f"{self.split}: {self.num_in_a_row} downloads failed in a row, the last one with "
                f"{str(error)!r}: the network or the server is at fault; run stage 0 again later, "
                "it goes on where it stopped"
            )

    def _note(self, segment: Segment, error: FetchError) -> None:
        before = self.unavailable.get(segment.clip_id)
        num_attempts = before.num_attempts + 1 if before else 1
        reason = " ".join(str(error).split())
        self.unavailable[segment.clip_id] = Unavailable(
            segment.clip_id, error.kind, num_attempts, reason
        )
        self.num_unrecorded += 1
        if self.num_unrecorded >= RECORD_EVERY:
            self._write_record()

    def _finish(self, failed: bool) -> None:
        self.num_failed += failed
        self.num_done += not failed
        self.bar.set_postfix(failed=self.num_failed, refresh=False)
        self.bar.update()
        if (self.num_done + self.num_failed) % REPORT_EVERY == 0:
            logger.info(
                "%s: %d downloaded, %d failed, %d left",
                *(self.split, self.num_done, self.num_failed, len(self.queue)),
            )

    def _write_record(self) -> None:
        write_table(self.record, self.unavailable.values(), Unavailable)
        self.num_unrecorded = 0
