"""The downloads of a split: in parallel, resumable, with a record of what is not to be had."""

import logging
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from uss.data.fetch import FetchError
from uss.tables import read_table, write_table

from .data_config import Download
from .request_rate import Pace
from .segments import Segment

RETRY_AFTER = 100  # clips: so that the retries of bad clips do not look like a server that is down
RECORD_EVERY = 100  # failures
REPORT_EVERY = 500  # clips
MOST_REFUSALS = 10  # of a clip in one run, while others are served

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

    What fails says something about its clip only where downloading works at all. So failures wait,
    unrecorded, for the next success: those of a run that ends the download are of the network, the
    server or the program, and are not held against the clips.

    Args:
        split: its name, for messages.
        wanted: the clips to download.
        num_there: clips of the split that are there already.
        record: unavailable.csv of the split.
        config: of data.yaml.
        get: downloads one clip; raises FetchError.
        likely_cause: of many failures in a row, in words.
        end: ends the programs that `get` has started.
    """

    def __init__(
        self,
        split: str,
        wanted: list[Segment],
        num_there: int,
        record: Path,
        config: Download,
        get: Callable[[Segment, Download], None],
        likely_cause: Callable[[], str],
        end: Callable[[], None],
    ) -> None:
        self.split, self.config, self.get, self.record = split, config, get, record
        self.num_there, self.likely_cause, self.end = num_there, likely_cause, end
        self.queue = deque(wanted)
        self.aside: list[Segment] = []  # failed before anything succeeded
        self.unavailable = read_unavailable(record)
        self.in_a_row: dict[str, Unavailable] = {}  # failures since the last success
        self.num_refusals: Counter[str] = Counter()  # by clip
        self.pace = Pace(config.seconds_between_requests, config.backoff_seconds)
        self.bar = tqdm(total=len(wanted), desc=split, unit="clip", disable=None)
        self.num_done = self.num_failed = self.num_unrecorded = 0
        self.num_refused_in_a_row = 0  # since the last success
        self.num_trouble_in_a_row = 0  # since the server last answered for a clip

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
                self._end_of_queue()
            except BaseException:
                self.end()  # else the pool waits for them
                raise
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
            self._accept_failures()
            self.unavailable.pop(segment.clip_id, None)
            self.queue.extend(self.aside)
            self.aside.clear()
            self.pace.succeeded()
            self.num_refused_in_a_row = self.num_trouble_in_a_row = 0
            self._finish(failed=False)
        elif not isinstance(error, FetchError):
            raise error
        elif error.kind == "gone":
            self.num_trouble_in_a_row = 0
            self._note(segment, error)
            self._finish(failed=True)
            self._check_row(error)
        else:
            self._trouble(segment, error)
            self._check_row(error)

    def _trouble(self, segment: Segment, error: FetchError) -> None:
        """A refusal, which is no fault of the clip, or a failure, of which it has a few."""
        self.num_trouble_in_a_row += error.kind != "unreadable"  # a pause would not help
        if error.kind == "busy" or self.num_trouble_in_a_row > self.config.num_parallel:
            seconds = self.pace.refused(error.pause_seconds)
            if seconds:
                logger.warning("%s: pause of %.0f s after: %s", self.split, seconds, error)
        if error.kind == "busy":
            self.num_refused_in_a_row += 1
            self.num_refusals[segment.clip_id] += 1
            if self.num_refusals[segment.clip_id] < MOST_REFUSALS:
                self.queue.appendleft(segment)
            else:
                logger.warning("%s: the next run tries %s: %s", self.split, segment.clip_id, error)
                self._finish(failed=True)
        elif is_given_up(self._note(segment, error), self.config):
            self._finish(failed=True)
        elif self.num_done:
            self.queue.insert(min(RETRY_AFTER, len(self.queue)), segment)
        else:
            self.aside.append(segment)

    def _check_row(self, error: FetchError) -> None:
        """Raises ValueError where too many clips failed since the last success."""
        num_in_a_row = self.num_refused_in_a_row + len(self.in_a_row)
        if num_in_a_row >= self.config.max_failures_in_a_row and (self.queue or self.aside):
            raise ValueError(
                f"{self.split}: {num_in_a_row} downloads failed in a row, the last one with "
                f"{str(error)!r}: {self.likely_cause()}; none of these clips is written off: run "
                "stage 0 again later, it goes on where it stopped (where these clips really are "
                "not to be had, raise data.download.max_failures_in_a_row)"
            )

    def _end_of_queue(self) -> None:
        """Decide about the last failures, after which nothing succeeded.

        Raises ValueError where the split has not one clip.
        """
        if self.num_done:
            self._accept_failures()
        elif self.in_a_row:
            last = next(reversed(self.in_a_row.values())).reason
            message = (
                f"{self.split}: none of {len(self.in_a_row)} downloads succeeded, the last one "
                f"failed with {last!r}: {self.likely_cause()}; none of these clips is written off: "
                "the next run tries them again"
            )
            if not self.num_there:
                raise ValueError(message)
            logger.warning("%s", message)
            self.num_failed += len(self.aside)

    def _note(self, segment: Segment, error: FetchError) -> Unavailable:
        clip_id = segment.clip_id
        before = self.in_a_row.pop(clip_id, None) or self.unavailable.get(clip_id)
        num_attempts = before.num_attempts + 1 if before else 1
        reason = " ".join(str(error).split())
        kind = "gone" if error.kind == "gone" else "failed"
        row = Unavailable(clip_id, kind, num_attempts, reason)
        self.in_a_row[clip_id] = row
        return row

    def _accept_failures(self) -> None:
        """They say something about their clips: downloading works."""
        self.unavailable |= self.in_a_row
        self.num_unrecorded += len(self.in_a_row)
        self.in_a_row.clear()
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
