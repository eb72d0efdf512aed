"""The named numbers, made from counts. None: there was nothing to measure it on."""

from __future__ import annotations

from collections.abc import Iterable

from onlooker.evaluate.score import Counts, Timing

Metrics = dict[str, float | None]

# Of these less is better; of the others more, or neither.
LESS_IS_BETTER = frozenset(
    {
        "delegation_false_rate",
        "duplicate_share",
        "false_alarms_per_quiet_hour",
        "forbidden_share",
        "missed_share",
        "out_of_span_share",
        "repeat_share",
    }
)


def metrics(counts: Counts, timings: Iterable[Timing]) -> Metrics:
    """Make every number of the counts of one stream, or of the sum of many."""
    main, *wider = timings
    return {
        "timing_f1": main.f1,
        "timing_precision": main.precision,
        "timing_recall": main.recall,
        **{f"timing_f1@{timing.tolerance_s:g}s": timing.f1 for timing in (main, *wider)},
        "answer_f1": _f1(counts.num_right, counts),
        "coupled": _share(counts.coupled, counts.num_items),
        **_silence(counts),
        **_actions(counts),
        **_contents(counts),
        **_costs(counts),
    }


def _silence(counts: Counts) -> Metrics:
    emitted = counts.num_emitted
    return {
        "false_alarms_per_quiet_hour": _share(counts.num_quiet_false_alarms * 3600, counts.quiet_s),
        "missed_share": _share(counts.num_expected - counts.num_told, counts.num_expected),
        "repeat_share": _share(counts.num_repeats, emitted),
        "duplicate_share": _share(counts.num_duplicates, emitted),
        "out_of_span_share": _share(counts.num_false_alarms, emitted),
        "forbidden_share": _share(counts.num_forbidden, emitted),
        "emissions_per_minute": _share(emitted * 60, counts.duration_s),
    }


def _actions(counts: Counts) -> Metrics:
    right = counts.due_speak_spoke + counts.due_delegate_delegated
    wrongly = counts.due_speak_delegated + counts.due_nothing_delegated
    delegated = counts.due_delegate_delegated + wrongly
    due = counts.due_delegate_delegated + counts.due_delegate_spoke + counts.due_delegate_missed
    not_due = counts.due_speak_spoke + counts.due_speak_missed + counts.due_nothing_spoke + wrongly
    return {
        "action_accuracy": _share(right, counts.num_told),
        "delegation_precision": _share(counts.due_delegate_delegated, delegated),
        "delegation_recall": _share(counts.due_delegate_delegated, due),
        "delegation_false_rate": _share(wrongly, not_due),
    }


def _contents(counts: Counts) -> Metrics:
    return {
        "content_accuracy": _share(counts.num_contents_right, counts.num_contents),
        "content_token_f1": _share(counts.likeness, counts.num_contents),
        "content_judged": _share(counts.judgement, counts.num_judged),
    }


def _costs(counts: Counts) -> Metrics:
    return {
        "prompt_tokens_per_decision": _share(counts.prompt_tokens, counts.num_decided),
        "completion_tokens_per_decision": _share(counts.completion_tokens, counts.num_decided),
        "skipped_share": _share(
            counts.num_skipped, counts.num_skipped + counts.num_decided + counts.num_failed
        ),
    }


def _f1(num_right: int, counts: Counts) -> float:
    whole = counts.num_counted + counts.num_expected
    return 2 * num_right / whole if whole else 1.0


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None
