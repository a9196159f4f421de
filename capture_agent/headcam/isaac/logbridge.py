# SPDX-License-Identifier: MIT
"""headcam's log, written to Kit's: records come from any thread, Kit is told on its own."""

from __future__ import annotations

import collections
import logging

from headcam.isaac.kit import Kit

_RECORDS_MOST = 200


class LogBridge(logging.Handler):
    """Keeps what is logged until write(). Beyond 200 records the oldest are lost."""

    def __init__(self, kit: Kit) -> None:
        super().__init__(logging.INFO)
        self._kit = kit
        self._logger = logging.getLogger("headcam")
        self._before = self._logger.level, self._logger.propagate
        self._records: collections.deque[tuple[int, str]] = collections.deque(maxlen=_RECORDS_MOST)

    def open(self) -> None:
        """From now on the log goes here, and nowhere else: Kit may have a bridge of its own."""
        self._logger.addHandler(self)
        self._logger.propagate = False
        if not self._logger.isEnabledFor(logging.INFO):
            self._logger.setLevel(logging.INFO)

    def close(self) -> None:
        """Writes the rest, and leaves the logger as it was."""
        self.write()
        self._logger.removeHandler(self)
        level, self._logger.propagate = self._before
        self._logger.setLevel(level)  # not the attribute: loggers remember what is enabled
        super().close()

    def emit(self, record: logging.LogRecord) -> None:
        """Called by logging, from any thread."""
        try:
            self._records.append((record.levelno, f"headcam: {self.format(record)}"))
        except Exception:
            self.handleError(record)

    def write(self) -> None:
        """Writes what came since. On Kit's main thread."""
        while self._records:
            level, message = self._records.popleft()
            if level >= logging.WARNING:
                self._kit.log(level, message)
            else:
                # Kit's console shows warnings and worse; of what else we log, each line is news.
                self._kit.print(message)
