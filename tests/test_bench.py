"""The bench asks what a browser asks: a page that changes its callback must not escape it."""

import json

from tests.bench.screens import PAGES, page_callbacks
from tests.security.doors import house, send


def test_the_bench_calls_every_monitoring_page(tmp_path):
    with house(tmp_path) as found:
        calls = page_callbacks(found.dependencies)
        reader = found.client("analyst")
        asked = {page: send(reader, json.loads(calls[page].body(""))) for page in PAGES}
    assert {page: answer.status_code for page, answer in asked.items()} == dict.fromkeys(PAGES, 200)
