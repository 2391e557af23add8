"""Where a comparison stands: accounts of trainings and columns of numbers → rows, facts, and the faces that are shown."""

from collections.abc import Mapping

import torch

from fishfsr.comparison.conclusion import Circumstances
from fishfsr.comparison.contestants import OURS, Contestant
from fishfsr.comparison.costs import cost_of
from fishfsr.comparison.gallery import GalleryPicture, choose, gallery, pictures_of
from fishfsr.comparison.intervals import FaceColumns, figures_of, over_seeds, paired_differences, spread_of
from fishfsr.comparison.measures import REPEATS, TIMED, MeasuredMethod, Measuring
from fishfsr.comparison.paper import PaperFaces, paper_rows
from fishfsr.comparison.plan import ComparisonPlan, Entrant, Shared
from fishfsr.comparison.recipes import recipe_words
from fishfsr.comparison.result import Comparison
from fishfsr.comparison.rows import ComparedRow
from fishfsr.comparison.trainings import WHAT, Trainings
from fishfsr.evaluation.measures import PSNR
from fishfsr.evaluation.methods import BICUBIC, Bicubic
from fishfsr.evaluation.provenance import figure_versions, in_words
from fishfsr.evaluation.summary import Bootstrap, Figures
from fishfsr.methods.fan import FanWeights
from fishfsr.metrics import get_protocol
from fishfsr.models.config import ParsingNetConfig
from fishprep.common.words import counted


class Scores:
    """Makes a Comparison of what is trained and in `measured`, by the training's name, bicubic among them."""

    def __init__(
        self,
        plan: ComparisonPlan,
        trainings: Trainings,
        measuring: Measuring,
        fans: Mapping[str, FanWeights],
        paper: PaperFaces,
    ) -> None:
        self.plan, self.trainings, self.measuring, self._fans = plan, trainings, measuring, fans
        self.measured: dict[str, MeasuredMethod] = {}
        self._settings, self._faces = plan.settings, measuring.faces
        self._paper_faces, self._paper = paper, paper_rows(paper, plan.settings.scale)
        self._bootstrap = Bootstrap(plan.settings.evaluation.seed, plan.settings.evaluation.resamples)
        self._pictures: dict[tuple[str, tuple[int, ...]], tuple[GalleryPicture, ...]] = {}

    def comparison(self) -> Comparison:
        """Of what is there by now."""
        reference = self.plan.reference if self._columns(self.plan.reference) else BICUBIC
        against = over_seeds(self._columns(reference))
        ordered = (BICUBIC, *(each.name for each in self.plan.entries))
        present = [name for name in ordered if name in self.measured]
        spent = self._settings.budget.words
        ablations = all(each.name != OURS and each.architecture == OURS for each in self.plan.contestants)
        shown = choose(against[PSNR], self._settings.evaluation.shown)
        first = {BICUBIC} | {each.name for each in self.plan.entries if not each.seed}
        made = [self._shown(name, tuple(shown)) for name in present if name in first] if shown else []
        return Comparison(
            title=f"{'Ablations' if ablations else 'Methods'} at x{self._settings.scale}, {spent} each",
            circumstances=Circumstances(self._settings.scale, len(self._faces), spent, reference),
            protocol=self._settings.evaluation.protocol,
            rows=(
                self._bicubic(against, reference),
                *(self._row(each, against, reference) for each in self.plan.contestants),
            ),
            facts=self._facts(reference),
            columns={name: self.measured[name].columns for name in present},
            gallery=gallery(self._faces, shown, made),
            faces=self._faces,
        )

    def _columns(self, name: str) -> list[FaceColumns]:
        """Of the seeds of a contestant that are measured."""
        names = [BICUBIC] if name == BICUBIC else [each.name for each in self._entries(name)]
        return [self.measured[each].columns for each in names if each in self.measured]

    def _entries(self, name: str) -> list[Entrant]:
        return [each for each in self.plan.entries if each.contestant.name == name]

    def _bicubic(self, against: FaceColumns, reference: str) -> ComparedRow:
        measured = self.measured[BICUBIC]
        return ComparedRow(
            name=BICUBIC,
            title="Bicubic",
            figures=figures_of(measured.columns, self._bootstrap),
            differences=self._differences(BICUBIC, measured.columns, against, reference),
            milliseconds=measured.milliseconds,
            paper=self._paper.get(BICUBIC),
        )

    def _row(self, contestant: Contestant, against: FaceColumns, reference: str) -> ComparedRow:
        entries, columns = self._entries(contestant.name), self._columns(contestant.name)
        accounts = [self.trainings.accounts[each.name] for each in entries if each.name in self.trainings.accounts]
        errors = [each.error for each in accounts if each.error is not None]
        cost, paper = cost_of(entries[0], self._parsing(entries[0])), self._paper.get(contestant.name)
        error = errors[0] if errors else None
        if not columns:
            return ComparedRow(
                contestant.name, contestant.title, entries[0].changed, cost=cost, paper=paper, error=error
            )
        own, done = over_seeds(columns), [each for each in accounts if each.error is None]
        return ComparedRow(
            name=contestant.name,
            title=contestant.title,
            changed=entries[0].changed,
            seeds=len(columns),
            figures=figures_of(own, self._bootstrap),
            differences=self._differences(contestant.name, own, against, reference),
            spread=spread_of(columns, PSNR),
            cost=cost,
            milliseconds=min(self.measured[each.name].milliseconds for each in entries if each.name in self.measured),
            seconds=sum(each.seconds for each in done) / len(done),
            steps=round(sum(each.steps for each in done) / len(done)),
            faces=round(sum(each.faces for each in done) / len(done)),
            paper=paper,
            error=error,
        )

    def _differences(self, name: str, columns: FaceColumns, against: FaceColumns, reference: str) -> Figures:
        return {} if name == reference else paired_differences(columns, against, self._bootstrap)

    def _parsing(self, entry: Entrant) -> ParsingNetConfig | None:
        """The ParsingNet that an entry is run with."""
        if entry.needs is None or entry.needs.stage != "parsing":
            return None
        given = self.trainings.given.get("parsing")
        own = entry.needs.config.parsing.network() if given is None else given.config
        return own if isinstance(own, ParsingNetConfig) else None

    def _shown(self, name: str, numbers: tuple[int, ...]) -> tuple[GalleryPicture, ...]:
        """Those faces by a method; made once, as long as they are the same ones."""
        key = (name, numbers)
        if key not in self._pictures:
            title = next((each.contestant.title for each in self.plan.entries if each.name == name), "Bicubic")
            plain = name == BICUBIC
            enlarger = Bicubic(self._faces) if plain else self.measuring.enlarger(self.trainings.accounts[name].path)
            self._pictures[key] = pictures_of(self._faces, numbers, title, enlarger, self.measured[name].columns)
        return self._pictures[key]

    def _facts(self, reference: str) -> tuple[tuple[str, str], ...]:
        settings, evaluation = self._settings, self._settings.evaluation
        protocol = get_protocol(evaluation.protocol)
        rows = {
            "budget of each method": settings.budget.words,
            "recipe": f"{settings.recipe}: {recipe_words(settings.recipe, settings.budget)}",
            "changed in all": ", ".join(self._settings_of_all()),
            "changed in one": "; ".join(
                f"{each.contestant.title}: {each.changed}"
                for each in self.plan.entries
                if each.changed and not each.seed
            ),
            "seeds": f"{settings.seeds}; what is shared has one",
            "shared networks": "; ".join(map(self._shared_words, self.plan.shared)) or "none",
            "landmarks by": "; ".join(f"{name}: {fan.words}" for name, fan in self._fans.items()),
            "held against": reference,
            "intervals": f"95 %, percentile bootstrap over faces, {evaluation.resamples:,} resamples, seed {evaluation.seed}",
            "protocol": f"{protocol.name}: {in_words(protocol, settings.scale)}",
            "identity": evaluation.identity,
            "faces": f"{self._faces.folder}: {counted(len(self._faces), 'face')} of {self._faces.available:,}, split {evaluation.split}",
            "chosen by": self._faces.where or "",
            "LR faces degraded by": "" if evaluation.degradation == "none" else evaluation.degradation,
            "run with": str(evaluation.options),
            "recipe of the faces": self._faces.attributes.recipe,
            "time of a face": f"the quickest of {REPEATS} looks at {TIMED} faces at once, device {evaluation.device}, "
            f"{counted(torch.get_num_threads(), 'thread')}; reading is not in it",
            "the paper's figures": f"{self._paper_faces}, Tables I to III: other faces, full networks, trainings that it does not describe",
            "versions": ", ".join(
                f"{name} {version}" for name, version in figure_versions(evaluation.identity).items()
            ),
        }
        return tuple((name, value) for name, value in rows.items() if value)

    def _settings_of_all(self) -> list[str]:
        names = {each.name for each in self.plan.contestants}
        return [text for text in self._settings.settings if text.partition(".")[0].strip() not in names]

    def _shared_words(self, shared: Shared) -> str:
        given = self.trainings.given.get(shared.stage)
        if given is not None:
            return (
                f"{WHAT[shared.stage]}, width {given.config.width}, given: {given.source} (SHA-256 {given.sha256[:12]})"
            )
        account = self.trainings.shared_account(shared)
        known = account is not None and account.error is None
        spent = f": {account.faces:,} faces in {account.seconds / 60:.1f} minutes" if account and known else ""
        return f"{WHAT[shared.stage]}, width {shared.width}, trained once on the budget of a method{spent}"
