"""What happens on which day, in order; whatever happens may put more into the calendar."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from lending_year.stage import Stage

MORNING = 9 * 3_600
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
MONTH_ENDS = tuple(sum(_LENGTHS[: number + 1]) for number in range(12))
"""First day after each month, day 0 being 1 January."""

Event = Callable[[], None]


@dataclass
class Calendar:
    """Events by day; those of a day in the order they were entered."""

    stage: Stage
    _events: list[tuple[int, int, Event]] = field(default_factory=list)
    _entered: int = 0

    def on(self, day: int, event: Event) -> None:
        """Let something happen on a day, or later the same day when that is today."""
        self._entered += 1
        heapq.heappush(self._events, (day, self._entered, event))

    def months(self) -> Iterator[str]:
        """Let the year pass, and stop at each month's last second."""
        for name, end in zip(MONTHS, MONTH_ENDS, strict=True):
            while self._events and self._events[0][0] < end:
                day, _, event = heapq.heappop(self._events)
                self.stage.at(day, MORNING)
                event()
            self.stage.at(end)
            yield name
