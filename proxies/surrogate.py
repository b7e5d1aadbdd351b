"""Surrogate: what a model says that was fitted to figures of other architectures."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from nas import PROXIES, Candidate, NotApplicableError, Proxy, Space, UsageError
from nas.batch import Batch

if TYPE_CHECKING:
    from nas import Arch
    from nas.surrogates.saved import Saved


@PROXIES.register("surrogate")
class Surrogate(Proxy):
    """Predicts a figure by a model that was fitted to a table: see `nas fit`.

        score = prediction of the column `target`,   or its negative for `-target`.

    `path` is the folder that `nas fit … out=FOLDER` wrote, `target` a column that it was fitted to
    (null: the first, with the sign that it had there); one that was fitted as `-target` must have
    the sign here, too. The model is several forests of boosted
    trees (LightGBM, Ke et al. 2017) on the decisions and, if it was fitted so, on scores of
    proxies; the score is their mean. An architecture outside of the range of the fit has a score
    and a note. The folder's files hold numbers and text: reading them runs no code. Accel-NASBench
    (Ahmad et al. 2024, arXiv:2404.08005) searches by such models.
    """

    faster_on_cpu = True
    from_file = True
    decides: ClassVar[bool] = True

    def __init__(self, path: str | None = None, target: str | None = None) -> None:
        from nas.surrogates.saved import Saved

        self.saved = None if path is None else Saved.of(path)
        self.target = target

    def check_space(self, space: Space) -> None:
        """Raise UsageError if no surrogate is given, or if it is not one of the space."""
        name, sign = self._signed
        target = self._of().surrogate(space).target(name)
        if sign > target.sign:
            raise UsageError(
                f"the surrogate in {self._of().path} was fitted to -{name}, of which lower is "
                f"better, and a proxy is better if it is higher: give proxy.target=-{name}"
            )

    def fitted_to(self, space: Space) -> frozenset[Arch]:
        """The rows of the fit that have the column."""
        return self._of().surrogate(space).target(self._signed[0]).rows

    def score(self, candidate: Candidate, batch: Batch) -> float:
        """The prediction for the candidate's architecture; the batch is not used."""
        from nas.surrogates.metric import OUTSIDE

        name, sign = self._signed
        surrogate = self._of().surrogate(candidate.space)
        value, outside = surrogate.judged(candidate.arch, name)
        if outside:
            batch.notes.add(f"{OUTSIDE} {outside}")
        return sign * value

    @property
    def _signed(self) -> tuple[str, int]:
        """The column, and -1 if lower is better."""
        if self.target is None:
            return next(iter(self._of().targets.items()))
        name = self.target.removeprefix("-")
        return name, -1 if name != self.target else 1

    def _of(self) -> Saved:
        if self.saved is None:
            raise NotApplicableError(
                "the proxy surrogate needs the folder of one: give surrogate=FOLDER, or "
                "proxy.path=FOLDER, which nas fit … out=FOLDER writes"
            )
        return self.saved
