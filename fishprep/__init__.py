"""Photos in, verified training shards out: find faces, crop, resize, parse, pack.

>>> import fishprep
>>> result = fishprep.build("photos", "shards")            # doctest: +SKIP
>>> faces = fishprep.open_shards("shards", split="train")  # doctest: +SKIP
>>> faces[0].image(16).shape                               # doctest: +SKIP
(16, 16, 3)

`public` holds these functions, one a file; the rooms below it, from the ground: `common`, `storage`, `shards`, `decoding`,
`detectors`, `landmarks`, `faces`, `recognition`, `sources`, `parsing`, `engines`, `builds`, `reports`, `diffs`, `overlaps`,
`descriptions`. The way of a photo is `sources` → `decoding` → `landmarks` → `faces` and `parsing` → `shards`; `builds` runs it for
whole shards, `engines` run many of those.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fishprep.common.version import __version__ as __version__

if TYPE_CHECKING:
    from fishprep.builds.estimate import Estimate
    from fishprep.builds.manifest import Totals
    from fishprep.builds.verify import Verification
    from fishprep.common.allocation import keep_freed_memory
    from fishprep.common.doctor import Finding
    from fishprep.common.errors import FishPrepError
    from fishprep.common.progress import Progress
    from fishprep.common.weights import WeightRecord, WeightStatus, WeightStore
    from fishprep.descriptions.content import Publisher
    from fishprep.engines.cluster import ClusterSettings
    from fishprep.formats.export import Exported
    from fishprep.overlaps.find import LeakKind
    from fishprep.parsing.classes import FaceClass
    from fishprep.parsing.evaluation.evaluate import ParserEvaluation
    from fishprep.parsing.folder import ParseReport
    from fishprep.parsing.parsed import ParsedImage
    from fishprep.parsing.training.run import ParserTrained, ParserTrainingReport, ParserValidated
    from fishprep.public.build import build, build_part
    from fishprep.public.demo import DemoResult, demo
    from fishprep.public.describe import DescribeResult, describe
    from fishprep.public.diff import DiffResult, diff
    from fishprep.public.export import FORMATS, export
    from fishprep.public.extend import ExtendResult, extend
    from fishprep.public.importing import import_faces
    from fishprep.public.leaks import Leak, LeakEnd, LeaksResult, leaks
    from fishprep.public.merge import Merged, merge
    from fishprep.public.move import MoveCount, move
    from fishprep.public.news import Chosen, Compared, Listener, News, Planned
    from fishprep.public.parse import Parsed, ParserReady, parse
    from fishprep.public.parser import (
        MasksChecked,
        ParserFigures,
        ParserNews,
        ParserPlanned,
        evaluate_parser,
        train_parser,
    )
    from fishprep.public.plan import PlanResult, plan
    from fishprep.public.remap import remap
    from fishprep.public.report import ReportResult, report
    from fishprep.public.result import BuildResult, DropReason, PartResult
    from fishprep.public.retry import retry, totals
    from fishprep.public.rows import RowsFound, rows
    from fishprep.public.settings import (
        CROPS,
        ENGINES,
        PRECISIONS,
        RESIZERS,
        SEARCHES,
        SOURCES,
        BuildSettings,
        ExtendSettings,
        ImportSettings,
        ParserEvaluationSettings,
        ParserTrainingSettings,
        ParseSettings,
        RemapSettings,
        RetrySettings,
    )
    from fishprep.public.shards import ShardFace, ShardFacts, Shards, inspect, open_shards
    from fishprep.public.verify import verify
    from fishprep.public.weights import WEIGHTS, examine
    from fishprep.recognition.weights import SAME_PERSON
    from fishprep.storage.named import is_url, located

_HOMES = {
    "BuildResult": "fishprep.public.result",
    "BuildSettings": "fishprep.public.settings",
    "CROPS": "fishprep.public.settings",
    "SEARCHES": "fishprep.public.settings",
    "Chosen": "fishprep.public.news",
    "ClusterSettings": "fishprep.engines.cluster",
    "Compared": "fishprep.public.news",
    "DemoResult": "fishprep.public.demo",
    "DescribeResult": "fishprep.public.describe",
    "DiffResult": "fishprep.public.diff",
    "DropReason": "fishprep.public.result",
    "ENGINES": "fishprep.public.settings",
    "Estimate": "fishprep.builds.estimate",
    "ExtendResult": "fishprep.public.extend",
    "ExtendSettings": "fishprep.public.settings",
    "Exported": "fishprep.formats.export",
    "FORMATS": "fishprep.public.export",
    "FaceClass": "fishprep.parsing.classes",
    "Finding": "fishprep.common.doctor",
    "FishPrepError": "fishprep.common.errors",
    "ImportSettings": "fishprep.public.settings",
    "Leak": "fishprep.public.leaks",
    "LeakEnd": "fishprep.public.leaks",
    "LeakKind": "fishprep.overlaps.find",
    "LeaksResult": "fishprep.public.leaks",
    "Listener": "fishprep.public.news",
    "MASK_KINDS": "fishprep.public.settings",
    "MasksChecked": "fishprep.public.parser",
    "Merged": "fishprep.builds.merge",
    "MoveCount": "fishprep.builds.moving",
    "News": "fishprep.public.news",
    "ParseReport": "fishprep.parsing.folder",
    "ParseSettings": "fishprep.public.settings",
    "Parsed": "fishprep.public.parse",
    "ParsedImage": "fishprep.parsing.parsed",
    "ParserEvaluation": "fishprep.parsing.evaluation.evaluate",
    "ParserEvaluationSettings": "fishprep.public.settings",
    "ParserFigures": "fishprep.public.parser",
    "ParserNews": "fishprep.public.parser",
    "ParserPlanned": "fishprep.public.parser",
    "ParserReady": "fishprep.public.parse",
    "ParserTrained": "fishprep.parsing.training.run",
    "ParserTrainingReport": "fishprep.parsing.training.run",
    "ParserTrainingSettings": "fishprep.public.settings",
    "ParserValidated": "fishprep.parsing.training.run",
    "PartResult": "fishprep.public.result",
    "PlanResult": "fishprep.public.plan",
    "Planned": "fishprep.public.news",
    "Progress": "fishprep.common.progress",
    "Publisher": "fishprep.descriptions.content",
    "PRECISIONS": "fishprep.public.settings",
    "RESIZERS": "fishprep.public.settings",
    "RemapSettings": "fishprep.public.settings",
    "ReportResult": "fishprep.public.report",
    "RetrySettings": "fishprep.public.settings",
    "RowsFound": "fishprep.public.rows",
    "SAME_PERSON": "fishprep.recognition.weights",
    "SOURCES": "fishprep.public.settings",
    "ShardFace": "fishprep.public.shards",
    "ShardFacts": "fishprep.public.shards",
    "Shards": "fishprep.public.shards",
    "Totals": "fishprep.builds.manifest",
    "Verification": "fishprep.builds.verify",
    "WEIGHTS": "fishprep.public.weights",
    "WeightRecord": "fishprep.common.weights",
    "WeightStatus": "fishprep.common.weights",
    "WeightStore": "fishprep.common.weights",
    "build": "fishprep.public.build",
    "build_part": "fishprep.public.build",
    "demo": "fishprep.public.demo",
    "describe": "fishprep.public.describe",
    "diff": "fishprep.public.diff",
    "evaluate_parser": "fishprep.public.parser",
    "extend": "fishprep.public.extend",
    "export": "fishprep.public.export",
    "examine": "fishprep.public.weights",
    "import_faces": "fishprep.public.importing",
    "inspect": "fishprep.public.shards",
    "is_url": "fishprep.storage.named",
    "keep_freed_memory": "fishprep.common.allocation",
    "leaks": "fishprep.public.leaks",
    "located": "fishprep.storage.named",
    "merge": "fishprep.public.merge",
    "move": "fishprep.public.move",
    "open_shards": "fishprep.public.shards",
    "parse": "fishprep.public.parse",
    "plan": "fishprep.public.plan",
    "remap": "fishprep.public.remap",
    "report": "fishprep.public.report",
    "retry": "fishprep.public.retry",
    "rows": "fishprep.public.rows",
    "totals": "fishprep.public.retry",
    "train_parser": "fishprep.public.parser",
    "verify": "fishprep.public.verify",
}

__all__ = [  # as in `_HOMES`; a test compares them
    "CROPS",
    "ENGINES",
    "FORMATS",
    "MASK_KINDS",
    "PRECISIONS",
    "RESIZERS",
    "SAME_PERSON",
    "SEARCHES",
    "SOURCES",
    "WEIGHTS",
    "BuildResult",
    "BuildSettings",
    "Chosen",
    "ClusterSettings",
    "Compared",
    "DemoResult",
    "DescribeResult",
    "DiffResult",
    "DropReason",
    "Estimate",
    "Exported",
    "ExtendResult",
    "ExtendSettings",
    "FaceClass",
    "Finding",
    "FishPrepError",
    "ImportSettings",
    "Leak",
    "LeakEnd",
    "LeakKind",
    "LeaksResult",
    "Listener",
    "MasksChecked",
    "Merged",
    "MoveCount",
    "News",
    "ParseReport",
    "ParseSettings",
    "Parsed",
    "ParsedImage",
    "ParserEvaluation",
    "ParserEvaluationSettings",
    "ParserFigures",
    "ParserNews",
    "ParserPlanned",
    "ParserReady",
    "ParserTrained",
    "ParserTrainingReport",
    "ParserTrainingSettings",
    "ParserValidated",
    "PartResult",
    "PlanResult",
    "Planned",
    "Progress",
    "Publisher",
    "RemapSettings",
    "ReportResult",
    "RetrySettings",
    "RowsFound",
    "ShardFace",
    "ShardFacts",
    "Shards",
    "Totals",
    "Verification",
    "WeightRecord",
    "WeightStatus",
    "WeightStore",
    "build",
    "build_part",
    "demo",
    "describe",
    "diff",
    "evaluate_parser",
    "examine",
    "export",
    "extend",
    "import_faces",
    "inspect",
    "is_url",
    "keep_freed_memory",
    "leaks",
    "located",
    "merge",
    "move",
    "open_shards",
    "parse",
    "plan",
    "remap",
    "report",
    "retry",
    "rows",
    "totals",
    "train_parser",
    "verify",
]


def __getattr__(name: str) -> Any:
    """Import the public names on first use: `import fishprep` alone must not load torch."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
