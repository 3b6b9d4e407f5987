"""When data that change have come to rest."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Rest:
    """Tells when what changes has been quiet for a while, or has not been for too long.

    Parameters
    ----------
    quiet_s
        So long nothing may have changed, s.
    longest_s
        So long nobody waits for that, s.
    """

    quiet_s: float
    longest_s: float
    _version: int = field(default=-1, init=False)
    _first: float | None = field(default=None, init=False)
    _last: float = field(default=0.0, init=False)

    @property
    def waited_for(self) -> bool:
        """Whether something has changed that was not worked on, or nobody has looked yet."""
        return self._version < 0 or self._first is not None

    def come(self, version: int, at: float) -> bool:
        """Tell whether what changed before ``at`` (s) can be worked on now."""
        if version != self._version:
            self._first = at if self._first is None else self._first
            self._version, self._last = version, at
        if self._first is None:
            return False
        return at - self._last >= self.quiet_s or at - self._first >= self.longest_s

    def again(self, at: float) -> None:
        """Wait anew: what was tried at ``at`` (s) failed."""
        self._last = at

    def over(self, version: int | None = None) -> None:
        """Note that all up to a version was worked on; by default, all that was seen."""
        self._version, self._first = self._version if version is None else version, None
