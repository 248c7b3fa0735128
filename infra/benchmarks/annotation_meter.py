"""What time is measured by in `annotation_cost`: the CPU's, or the wall's with a GPU that has finished."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from importlib.util import find_spec
from statistics import fmean

Sample = Callable[[], float]
"""How busy a GPU is, percent."""
_EVERY_S = 0.1
_CLOSE_S = 5.0


class Meter:
    """CPU seconds of all threads of this process."""

    unit = "CPU s"

    def now_s(self) -> float:
        """Seconds since some moment."""
        return time.process_time()

    def begin(self, phase: str) -> None:
        """From now on this is going on."""

    def close(self) -> tuple[str, ...]:
        """The end. Lines that tell what else was seen."""
        return ()


class GpuMeter(Meter):
    """Wall seconds, read when the GPU has done all it was given, and how busy it was meanwhile.

    sample: None takes what the driver's library says, if Python can ask it. Raises RuntimeError without a GPU.
    """

    unit = "wall s"

    def __init__(self, sample: Sample | None = None) -> None:
        import torch

        if sample is None and not torch.cuda.is_available():
            raise RuntimeError("there is no GPU here; without --device cuda CPU seconds are measured")
        self._finish: Callable[[], object] = torch.cuda.synchronize if torch.cuda.is_available() else time.perf_counter
        if sample is None and find_spec("pynvml") is not None:
            sample = torch.cuda.utilization
        self._usage = None if sample is None else Usage(sample)

    def now_s(self) -> float:
        """Seconds since some moment."""
        self._finish()
        return time.perf_counter()

    def begin(self, phase: str) -> None:
        """From now on this is going on."""
        if self._usage is not None:
            self._usage.phase = phase

    def close(self) -> tuple[str, ...]:
        """The end. Lines that tell how busy the GPU was."""
        if self._usage is None:
            return ("how busy the GPU was is not known: the module pynvml (nvidia-ml-py) is not installed",)
        taken = self._usage.stop()
        return tuple(f"GPU busy {fmean(s):.0f} % during {phase} ({len(s)} samples)" for phase, s in taken.items() if s)


class Usage:
    """Samples taken every tenth of a second by a thread of their own, by what was going on."""

    def __init__(self, sample: Sample) -> None:
        self.phase = "start"
        self._sample = sample
        self._taken: dict[str, list[float]] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> dict[str, list[float]]:
        """The samples, percent, by phase."""
        self._over.set()
        self._thread.join(_CLOSE_S)
        return self._taken

    def _watch(self) -> None:
        while not self._over.wait(_EVERY_S):
            phase = self.phase
            try:
                busy = float(self._sample())
            except Exception:  # whatever a driver that does not tell makes its library raise
                return
            self._taken.setdefault(phase, []).append(busy)
