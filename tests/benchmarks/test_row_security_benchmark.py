"""The benchmark of row-level security in its smallest form: both sides find the same rows, and every query is timed."""

import asyncio

from benchmarks import row_security


def test_every_query_is_timed_with_it_and_without() -> None:
    report = asyncio.run(row_security.measure(4_000, 3))
    # Of each query a ratio, the mean of them, and that of the two pages, which are measured too.
    assert len(report.measured) == 2 * (len(report.ratios) - 2) + 2
    assert report.ratios["all_queries_geometric_mean"] > 0
    assert report.ratios[row_security.SMALL_VS_LARGE] > 0
