"""Rows of cells as text and as HTML."""

from __future__ import annotations

from html import escape


def table_text(rows: list[list[str]]) -> str:
    """The cells in columns, right-aligned, heading first."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(c.rjust(w) for c, w in zip(row, widths)).rstrip() for row in rows)


def table_html(rows: list[list[str]]) -> str:
    """The cells as a table, heading first."""
    head, *rest = rows
    top = "".join(f"<th>{escape(c)}</th>" for c in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(c)}</td>" for c in r) + "</tr>" for r in rest)
    return f"<table><tr>{top}</tr>{body}</table>"
