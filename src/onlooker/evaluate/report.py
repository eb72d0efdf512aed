"""A run as one page that needs nothing else: no script, no network, everything in the file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib.resources import files
from typing import Any

from onlooker.evaluate.alignment import align
from onlooker.evaluate.drawing import histogram, timeline
from onlooker.evaluate.metrics import LESS_IS_BETTER
from onlooker.evaluate.prediction import Prediction
from onlooker.evaluate.problems import Problem
from onlooker.evaluate.result import Plain, Scored
from onlooker.evaluate.score import ScoreSettings
from onlooker.evaluate.truth import Truth
from onlooker.evaluate.worst import WorstCase

BLIND = {"silence": "silence", "always": "every second", "clock": "tuned clock"}
HEADLINES = {
    "timing_f1": "timing F1, within 1 s",
    "false_alarms_per_quiet_hour": "false alarms in a quiet hour",
    "delegation_recall": "of hard questions handed over",
    "delegation_false_rate": "of the rest handed over wrongly",
}
BY_FAMILY = {
    "timing_f1": "timing F1",
    "timing_precision": "precision",
    "timing_recall": "recall",
    "answer_f1": "answer F1",
    "coupled": "coupled",
    "false_alarms_per_quiet_hour": "false alarms/h",
}
BLIND_BY_FAMILY = ("timing_f1", "false_alarms_per_quiet_hour")
MAX_PROBLEMS = 200
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def report(scored: Scored, result: Plain, worst: Sequence[WorstCase] = ()) -> str:
    """Write the page."""
    title = f"{result['player']} on {result['suite']}"
    parts = [
        _head(title, result),
        _cards(result["overall"]),
        "<h2>All items</h2>",
        _overall(result["overall"]),
        "<h2>By scenario</h2>",
        _families(result["by_family"]),
        "<h2>How fast</h2>",
        _speeds(scored, result),
        *(["<h2>Where it went worst</h2>", _cases(scored, worst)] if worst else []),
        "<h2>Every item</h2>",
        _legend(),
        *_items(scored),
        "<h2>What could not be scored, or not in full</h2>",
        _problems(scored.problems),
    ]
    style = files(__package__).joinpath("report.css").read_text(encoding="utf-8")
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{style}</style></head>"
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )


def _head(title: str, result: Plain) -> str:
    minutes = result["seconds"] / 60
    left_out = f", {result['num_left_out']} left out" if result["num_left_out"] else ""
    seen = {"pixels": "frames through the real eyes", "symbolic": "scenes, not pixels"}
    how = seen.get(result.get("percepts", ""), "given predictions")
    return (
        f"<h1>{escape(title)}</h1><p class='soft'>{result['num_items']} items{left_out}, "
        f"{minutes:.0f} minutes; {how}; time {escape(str(result['time'] or 'ideal'))}. "
        f"Every number stands beside players that never look.</p>"
    )


def _cards(overall: Plain) -> str:
    cards = []
    for name, words in HEADLINES.items():
        interval = overall["interval"].get(name)
        between = f"{_number(interval[0])} to {_number(interval[1])}, " if interval else ""
        blind = _number(overall["blind"].get("clock", {}).get(name))
        cards.append(
            f"<div class='card'><b>{_number(overall.get(name))}</b>{words}"
            f"<p class='soft'>{between}clock {blind}</p></div>"
        )
    return f"<div class='cards'>{''.join(cards)}</div>"


def _overall(overall: Plain) -> str:
    blind = [name for name in BLIND if name in overall["blind"]]
    rows = []
    for name, value in overall.items():
        if isinstance(value, Mapping) or value is None or name in ("num_items", "timing_f1@1s"):
            continue
        interval = overall["interval"].get(name)
        between = f"{_number(interval[0])} to {_number(interval[1])}" if interval else ""
        others = [_number(overall["blind"][who].get(name)) for who in blind]
        arrow = " (less is better)" if name in LESS_IS_BETTER else ""
        rows.append([f"{name}{arrow}", _number(value), between, *others])
    return _table(["", "value", "95 % of redrawings", *(BLIND[name] for name in blind)], rows)


def _families(families: Plain) -> str:
    rows = [
        [
            name,
            str(one["num_items"]),
            *(_number(one.get(metric)) for metric in BY_FAMILY),
            *(_number(one["blind"].get("clock", {}).get(metric)) for metric in BLIND_BY_FAMILY),
        ]
        for name, one in families.items()
    ]
    return _table(["", "items", *BY_FAMILY.values(), "clock F1", "clock false alarms/h"], rows)


def _speeds(scored: Scored, result: Plain) -> str:
    latencies = [ms for score in scored.scores for ms in score.latencies_ms]
    lags = [lag_s for score in scored.scores for lag_s in score.lags_s]
    told = [("a decision", result["overall"]["latency_ms"], "ms")]
    told += [("a look", result["look_ms"], "ms")]
    told += [("onset to speech", result["overall"]["lags_s"], "s")]
    lines = [
        f"<p>{what}: {', '.join(f'{name} {_number(value)}' for name, value in cuts.items())} "
        f"({unit})</p>"
        for what, cuts, unit in told
        if cuts
    ]
    return (
        f"{''.join(lines)}<div class='two'><div><h3>Decisions</h3>{histogram(latencies, 'ms')}"
        f"</div><div><h3>From onset to speech</h3>{histogram(lags, 's')}</div></div>"
    )


def _cases(scored: Scored, worst: Iterable[WorstCase]) -> str:
    truths, said = _by_item(scored)
    cases = []
    for case in worst:
        truth, prediction = truths[case.item], said[case.item]
        picture = ""
        if case.clip:
            picture = f"<div><img alt='the seconds around it' src='{case.clip}'></div>"
        seen = f"<pre>{escape(chr(10).join(case.seen))}</pre>" if case.seen else ""
        kind = "case" if picture else "case bare"
        cases.append(
            f"<div class='{kind}'>{picture}<div><h3>{escape(case.item)}</h3>"
            f"{_asked(truth)}<p>It goes wrong at {case.at_s:g} s.</p>{seen}</div>"
            f"<div class='whole'>{_timeline(truth, prediction)}{_told(prediction)}</div></div>"
        )
    return "".join(cases)


def _items(scored: Scored) -> Iterable[str]:
    truths, said = _by_item(scored)
    families: dict[str, list[str]] = {}
    for score in scored.scores:
        truth = truths[score.item]
        families.setdefault(truth.family, []).append(
            f"<div class='item'><h3>{escape(truth.item)} "
            f"<span class='soft'>F1 {score.timings[0].f1:.2f}</span></h3>{_asked(truth)}"
            f"{_timeline(truth, said[score.item])}</div>"
        )
    for family, items in families.items():
        name = escape(family or "items")
        yield f"<details><summary>{name} ({len(items)})</summary>{''.join(items)}</details>"


def _by_item(scored: Scored) -> tuple[dict[str, Truth], dict[str, Prediction]]:
    said: dict[str, Prediction] = {}
    for prediction in scored.predictions:
        said.setdefault(prediction.item, prediction)
    return {truth.item: truth for truth in scored.truths}, said


def _timeline(truth: Truth, prediction: Prediction) -> str:
    settings = ScoreSettings()
    last_s = truth.duration_s
    within = [one for one in prediction.emissions if 0 <= one.time_s <= last_s + 10]
    return timeline(align(truth, within, settings.tolerances_s[0], settings.early_s))


def _asked(truth: Truth) -> str:
    return "".join(
        f"<p class='soft'>{one.since_s:g} s: {escape(one.text)}</p>" for one in truth.instructions
    )


def _told(prediction: Prediction) -> str:
    lines = [
        f"{one.time_s:g} s {one.action}: {one.text}"
        + (f" -> {one.question}" if one.question else "")
        for one in prediction.emissions[:40]
    ]
    return f"<pre>{escape(chr(10).join(lines) or 'It said nothing.')}</pre>"


def _legend() -> str:
    kinds = {
        "tells": "due and told",
        "false_alarm": "due and missed, or said for nothing",
        "repeats": "said again",
        "asked": "asked for",
    }
    spans = "".join(
        f"<span><i class='dot b-{kind}'></i>{words}</span>" for kind, words in kinds.items()
    )
    return f"<p class='legend soft'>{spans}<span>square: handed to the brain</span></p>"


def _problems(problems: Sequence[Problem]) -> str:
    if not problems:
        return "<p>Nothing.</p>"
    rows = [[one.kind, one.item or "", one.detail] for one in problems[:MAX_PROBLEMS]]
    more = len(problems) - MAX_PROBLEMS
    return _table(["kind", "item", "what"], rows).replace("<table>", "<table class='words'>") + (
        f"<p>... and {more} more.</p>" if more > 0 else ""
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    top = "".join(f"<th scope='col'>{escape(name)}</th>" for name in head)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows
    )
    return (
        f"<div class='wide'><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _number(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
