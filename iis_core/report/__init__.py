"""Reports: tables computed from the records of one or several runs."""

from iis_core.report.table import COLUMNS, Row, row_of

__all__ = ["COLUMNS", "Row", "row_of"]
