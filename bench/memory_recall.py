"""How long does a question to memory take at a hundred thousand entries, and does it find the fact?

A rule-made day at several cameras: routine events of a few kinds, and facts that happened once.
Each fact is asked for in other words; a hit is evidence within 5 s of it among the best eight.
Both ways to search are measured alone and together.
"""

from __future__ import annotations

import argparse
import random
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bench.report import report
from onlooker.core.memory import Entry, Question
from onlooker.plugins.memory.archive import Archive
from onlooker.plugins.memory.embedding import Embedder, Vector
from onlooker.plugins.memory.search import Search
from onlooker.plugins.memory.store import open_store

OPENED_S = 1_700_000_000.0
STREAMS = ("door", "hall", "street", "garden")
THINGS = ("person", "car", "dog", "bicycle", "truck", "cat", "backpack", "bird")
PLACES = ("left", "right", "center", "top left", "bottom right", "top right")
DOINGS = ("appeared at the {place}", "left at the {place}", "stands at the {place}")
FACTS = (
    ("a man put a blue suitcase on the table", "where did the guy leave his luggage?"),
    ("the sign reads CLOSED FOR HOLIDAYS", "is the shop shut for vacation?"),
    ("a delivery van drove away", "when did the courier's vehicle depart?"),
    ("a child fell off the swing", "did a kid get hurt on the playground?"),
    ("somebody spilled coffee on the carpet", "who made a stain on the rug?"),
    ("the postman rang and left a parcel", "was there a package from the mail?"),
    ("smoke rose from the kitchen pan", "was something burning on the stove?"),
    ("a woman in a green hat took an umbrella", "what did the lady pick up against the rain?"),
    ("two men carried a sofa out of the house", "did anybody move furniture?"),
    ("the goalkeeper caught the ball", "was there a save in the match?"),
    ("a fox crossed the lawn", "did a wild animal run over the grass?"),
    ("user: remind me to call the dentist", "what did I want to do about my teeth?"),
)
WARM_UP = 5


def entries(number: int, seed: int = 0) -> Iterator[tuple[Entry, str]]:
    """Yield entries in order of time, each with the question that asks for it, if it is a fact."""
    chance = random.Random(seed)  # noqa: S311
    spacing = number // (len(FACTS) + 1)
    for index in range(number):
        time_s = index * 0.8
        stream = chance.choice(STREAMS)
        fact, rest = divmod(index, spacing)
        if rest == 0 and 1 <= fact <= len(FACTS):
            text, question = FACTS[fact - 1]
        else:
            doing = chance.choice(DOINGS).format(place=chance.choice(PLACES))
            text, question = f"{chance.choice(THINGS)} {index % 997} {doing}", ""
        yield Entry("seen", time_s, time_s, text, stream), question


class AnyDirection(Embedder):
    """Directions at random, quickly: they cost a search the same, and find nothing."""

    def __init__(self) -> None:
        self._rng = np.random.default_rng(0)

    def embed(self, text: str) -> Vector:
        vector_D = self._rng.standard_normal(384, np.float32)
        return np.asarray(vector_D / np.linalg.norm(vector_D), np.float32)


def fill(folder: Path, number: int, embedder: Embedder) -> list[tuple[str, float]]:
    """Write the day; give the questions with the times that answer them."""
    archive, asked, batch = Archive(open_store(folder), embedder), [], []
    for entry, question in entries(number):
        if question:
            asked.append((question, entry.start_s))
        batch.append(entry)
        if len(batch) == 500:
            archive.add("default", OPENED_S, batch)
            batch = []
    archive.add("default", OPENED_S, batch)
    archive.close()
    return asked


def measure(search: Search, asked: list[tuple[str, float]], way: str, number: int) -> None:
    questions = [Question(words) for words, _ in asked]
    questions += [Question(words, stream="door", since_s=1000) for words, _ in asked]
    questions += [Question(f"when did a {thing} come?") for thing in THINGS]
    laps_ms, cpu_ms = [], []
    for lap in range(WARM_UP + 6 * len(questions)):
        began_s, began_cpu_s = time.perf_counter(), time.thread_time()
        search.find(questions[lap % len(questions)], OPENED_S)
        laps_ms.append((time.perf_counter() - began_s) * 1e3)
        cpu_ms.append((time.thread_time() - began_cpu_s) * 1e3)
    laps_ms, cpu_ms = sorted(laps_ms[WARM_UP:]), sorted(cpu_ms[WARM_UP:])
    hits = [
        any(abs(found.start_s - time_s) <= 5 for found in search.find(Question(words), OPENED_S))
        for words, time_s in asked
    ]
    # Within reach without memory: what stands in the window, which holds 100 s.
    now_s = number * 0.8
    report(
        "memory_recall",
        way=way,
        num_entries=number,
        p50_ms=round(laps_ms[len(laps_ms) // 2], 1),
        p95_ms=round(laps_ms[int(len(laps_ms) * 0.95)], 1),
        max_ms=round(laps_ms[-1], 1),
        cpu_p50_ms=round(cpu_ms[len(cpu_ms) // 2], 1),
        cpu_p95_ms=round(cpu_ms[int(len(cpu_ms) * 0.95)], 1),
        hits=sum(hits),
        hits_of_last_100_s=sum(now_s - time_s <= 100 for _, time_s in asked),
        num_facts=len(hits),
        max_rss_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, help="keep the filled site there, and use it again")
    parser.add_argument(
        "--times-only", action="store_true", help="fill it with directions at random, in a minute"
    )
    given = parser.parse_args()
    embedder = Embedder()
    filler = AnyDirection() if given.times_only else embedder
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.folder or Path(scratch)
        asked = [
            (question, entry.start_s) for entry, question in entries(given.entries) if question
        ]
        if not (folder / "memory.sqlite").exists():
            began_s = time.perf_counter()
            fill(folder, given.entries, filler)
            took_s = time.perf_counter() - began_s
            size_mib = (folder / "memory.sqlite").stat().st_size / 2**20
            report(
                "memory_recall",
                way="write",
                num_entries=given.entries,
                ms_per_entry=round(took_s / given.entries * 1e3, 2),
                size_mib=round(size_mib, 1),
            )
        also = ", directions at random" if given.times_only else ""
        measure(Search(open_store(folder)), asked, f"words{also}", given.entries)
        measure(
            Search(open_store(folder), embedder), asked, f"words and meaning{also}", given.entries
        )


if __name__ == "__main__":
    main()
