"""A build as one self-contained HTML page: what was kept, what was dropped and why, and what deserves a look."""

from fishprep.reports.page import write_report
from fishprep.reports.settings import ReportSettings

__all__ = ["ReportSettings", "write_report"]
