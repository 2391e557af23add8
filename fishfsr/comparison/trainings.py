"""The trainings of a comparison: those of the contestants, and before them those of the networks that they share."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fishfsr.comparison.folder import ComparisonFolder
from fishfsr.comparison.news import ComparisonListener
from fishfsr.comparison.plan import ComparisonPlan, Entrant, Shared
from fishfsr.comparison.request import ComparisonRequest
from fishfsr.comparison.shared import GivenNetwork
from fishfsr.comparison.trained import Account, Training
from fishfsr.training.journal import Note
from fishfsr.training.request import TrainingOutcome
from fishfsr.training.start import train

WHAT = {"parsing": "ParsingNet", "alignment": "the network of landmarks"}


class Trainings:
    """Trains what the plan names, each once; `accounts` by the training's name say what came of it."""

    def __init__(
        self,
        request: ComparisonRequest,
        plan: ComparisonPlan,
        folder: ComparisonFolder,
        given: Mapping[str, GivenNetwork],
        listen: ComparisonListener,
    ) -> None:
        self.given, self.accounts = given, dict[str, Account]()
        self._request, self._plan, self._folder, self._listen = request, plan, folder, listen

    def contestant(self, entry: Entrant, place: str) -> Account:
        """One contestant by one seed. Raises Stopped where the training was asked to stop."""
        training = self._training_for(entry)
        account = training.done()
        if account is None:
            init = self._network(entry.needs)
            account = init if isinstance(init, Account) else self._train(training, entry, init, place)
        self.accounts[entry.name] = account
        if account.error is not None:
            self._listen(Note(f"{entry.contestant.title} failed: {account.error}"))
        return account

    def is_done(self, entry: Entrant) -> bool:
        """Whether an earlier sitting has trained it."""
        return self._training_for(entry).done() is not None

    def _training_for(self, entry: Entrant) -> Training:
        return Training(self._folder.run(entry.name), "sr", entry.config.sr.batch_size, self._plan.settings.budget)

    def _train(self, training: Training, entry: Entrant, init: Path | None, place: str) -> Account:
        seed = f", seed {entry.seed}" if self._plan.settings.seeds > 1 else ""
        self._listen(Note(f"{place}: {entry.contestant.title}, width {entry.width}{seed}"))
        return training.account(lambda minutes: self._ran(training, entry.settings, entry.seed, init, minutes))

    def _network(self, needs: Shared | None) -> Path | Account | None:
        """The checkpoint of the network that is needed, or an account of why there is none."""
        if needs is None:
            return None
        if needs.stage in self.given:
            return self.given[needs.stage].path
        account = self._shared(needs)
        if account.error is not None:
            return Account(error=f"{WHAT[needs.stage]}, which it needs, failed: {account.error}")
        return account.path

    def shared_account(self, shared: Shared) -> Account | None:
        """What came of a shared network's training in this sitting or an earlier one, None where it was not trained yet."""
        return self.accounts.get(shared.name) or self._training_of(shared).done()

    def _training_of(self, shared: Shared) -> Training:
        batch = getattr(shared.config, shared.stage).batch_size
        return Training(self._folder.network(shared.name), shared.stage, batch, self._plan.settings.budget)

    def _shared(self, shared: Shared) -> Account:
        """Of this sitting: one that failed is tried again in the next."""
        account = self.shared_account(shared)
        if account is None:
            self._listen(Note(f"shared by several: {WHAT[shared.stage]}, width {shared.width}"))
            training = self._training_of(shared)
            account = training.account(lambda minutes: self._ran(training, shared.settings, 0, None, minutes))
        self.accounts[shared.name] = account
        return account

    def _ran(
        self, training: Training, settings: Mapping[str, Any], seed: int, init: Path | None, minutes: float | None
    ) -> TrainingOutcome:
        return train(
            self._request.shards,
            training.run,
            scale=self._plan.settings.scale,
            preset="paper",
            settings=settings,
            seed=seed,
            stage=training.stage,
            init=init,
            device=self._plan.settings.evaluation.device,
            max_minutes=minutes,
            cache=self._request.cache,
            listen=self._listen,
        )
