"""What a run's events say about its progress: stages and curves."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from ltnet_core.files.writing import amount
from ltnet_core.runs.run import Status
from ltnet_core.settings import Settings
from ui.markup import esc
from ui.wording import LIVE, curve_name, percent, stage_name, time_taken

MARKS = {"done": "✓", "now": "●", "stop": "■", "todo": "○"}
MOST_CODERS = 8  # whose machine coders are stages of their own in the list
ROUGHLY = ["images", "mixture", "ltnet", "results"]


def history(events: Sequence[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Epoch records per stage; an epoch repeated after a resume counts once."""
    out: dict[str, dict[int, dict[str, Any]]] = {}
    for event in events:
        if event["event"] == "epoch":
            out.setdefault(str(event["stage"]), {})[int(event["epoch"])] = event
    return {stage: [epochs[e] for e in sorted(epochs)] for stage, epochs in out.items()}


def notes(events: Sequence[dict[str, Any]]) -> list[str]:
    """What the trainer thought worth telling, each once: sentences, in which a network is called by its name."""
    stages = {f"{e['stage']}: ": f"{curve_name(str(e['stage']))}: " for e in events if e["event"] == "stage"}
    out = []
    for message in dict.fromkeys(str(e.get("message", "")) for e in events if e["event"] == "note"):
        stage = next((s for s in stages if message.startswith(s)), "")
        text = stages.get(stage, "") + message.removeprefix(stage)
        out.append(text[:1].upper() + text[1:])
    return out


def figures(events: Sequence[dict[str, Any]]) -> str:
    """How the network at work trains, in a line; empty where that is not known yet."""
    nothing: dict[str, Any] = {}
    last = next((e for e in reversed(events) if e["event"] in ("progress", "stage")), nothing)
    epoch = next((e for e in reversed(events) if e["event"] in ("epoch", "stage")), nothing)
    total = next((e.get("device_memory_total") for e in reversed(events) if e["event"] == "start"), None)
    parts = []
    if last.get("images_per_second"):
        parts.append(f"{last['images_per_second']:,.0f} images a second")
    if last.get("lr") is not None:
        parts.append(f"learning rate {last['lr']:.2g}")
    if epoch.get("batch_size"):
        parts.append(f"{epoch['batch_size']:,} images a step")
    if last.get("device_utilisation") is not None:
        parts.append(f"device {percent(last['device_utilisation'], 0)} busy")
    if last.get("device_memory"):
        parts.append(f"memory {amount(last['device_memory'])}" + (f" of {amount(total)}" if total else ""))
    return " · ".join(parts)


def stages(events: Sequence[dict[str, Any]], status: Status) -> list[tuple[str, str]]:
    """``(stage, done | now | stop | todo)`` in order: those seen, then those expected."""
    entered = list(dict.fromkeys(str(e["stage"]) for e in events if e["event"] == "stage"))
    # Before the images are read nobody knows which coders can train a network.
    planned = next((list(e["stages"]) for e in reversed(events) if e["event"] == "plan"), ROUGHLY)
    if status.state == "done":
        return [(s, "done") for s in entered]
    current = {status.stage or (entered[-1] if entered else None), *_unfinished(events)}
    now = "now" if status.state in LIVE else "stop"
    return [(s, now if s in current else "done") for s in entered] + [(s, "todo") for s in planned if s not in entered]


def _unfinished(events: Sequence[dict[str, Any]]) -> list[str]:
    """Stages that were entered and have not had all their epochs: networks that train side by side."""
    epochs = {str(e["stage"]): e.get("epochs") for e in events if e["event"] == "stage"}
    last = _last_epochs(events)
    return [s for s, n in epochs.items() if n and (int(last[s]["epoch"]) if s in last else 0) < n]


def stage_list(events: Sequence[dict[str, Any]], status: Status, settings: Settings | None = None) -> str:
    """The stages as an HTML list; ``settings`` are the run's, where they can be read."""
    method = settings.method if settings else ""
    last = _last_epochs(events)
    seconds = took(events)
    lines = []
    found = stages(events, status)
    many = sum(stage.startswith("coder:") for stage, _ in found) > MOST_CODERS
    for (kind, together), group in groupby(found, lambda s: (s[1], many and s[0].startswith("coder:"))):
        names = [stage for stage, _ in group]
        if together and kind in ("done", "todo") and len(names) > 1:
            note = time_taken(sum(seconds.get(s, 0.0) for s in names)) if kind == "done" else ""
            lines.append(_line(kind, f"Machine coders of {len(names):,} coders", note))
            continue
        lines += [_line(kind, stage_name(s, method), _note(kind, s, last, seconds, settings)) for s in names]
    return f'<ol class="lt-stages">{"".join(lines)}</ol>'


def _note(
    kind: str,
    stage: str,
    last: dict[str, dict[str, Any]],
    seconds: dict[str, float],
    settings: Settings | None,
) -> str:
    """Where a stage is, or how long it took."""
    if kind in ("now", "stop") and stage in last:
        return _epoch(stage, last, settings)
    return time_taken(seconds[stage]) if kind == "done" and stage in seconds else ""


def _line(kind: str, text: str, note: str) -> str:
    return (
        f'<li class="{kind}"><span class="mark">{MARKS[kind]}</span><span>{esc(text)}</span>'
        f'<span class="when">{esc(note)}</span></li>'
    )


def took(events: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Seconds for which the trainer was at work on each stage: without the time between a stop and a resume.

    A stage ends where the next one begins, or with its last epoch where networks train side by side.
    """
    out: dict[str, float] = {}
    for at_work in _sittings(events):
        entered = [(str(e["stage"]), float(e["time"])) for e in at_work if e["event"] == "stage"]
        last = _last_epochs(at_work)
        stopped = max((float(e["time"]) for e in at_work if "time" in e), default=0.0)
        for (stage, began), (_, next_began) in zip(entered, [*entered[1:], ("", stopped)], strict=True):
            end = max(next_began, float(last[stage].get("time", next_began)) if stage in last else next_began)
            out[stage] = out.get(stage, 0.0) + end - began
    return out


def _sittings(events: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """The events of each start of the trainer, in order."""
    out: list[list[dict[str, Any]]] = []
    for event in events:
        if event["event"] == "start" or not out:
            out.append([])
        out[-1].append(event)
    return out


def after_epoch(stage: str, events: Sequence[dict[str, Any]], settings: Settings | None) -> str:
    """The last epoch of a stage, in words; empty where it has none yet."""
    last = _last_epochs(events)
    return f"after {_epoch(stage, last, settings)}" if stage in last else ""


def _last_epochs(events: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {stage: epochs[-1] for stage, epochs in history(events).items()}


def _epoch(stage: str, last: dict[str, dict[str, Any]], settings: Settings | None) -> str:
    """The epoch that a stage is in, of those that were asked for: LTNet goes on where its start ended."""
    epoch, epochs = int(last[stage]["epoch"]), int(last[stage]["epochs"])
    asked = settings.schedule.epochs if settings else None
    if stage == "warm-up" and asked:
        epochs = max(asked, epochs)
    elif stage in ("mixture", "warm-up-longer", "ltnet") and "warm-up" in last:
        earlier = ("warm-up", "warm-up-longer") if stage == "ltnet" else ("warm-up",)
        before = sum(int(last[s]["epochs"]) for s in earlier if s in last)
        if asked and before + epochs > asked and "warm-up-longer" in last:  # which showed no reference coder either
            before = asked - epochs
        epoch, epochs = epoch + before, epochs + before
        if stage == "warm-up-longer" and asked:
            epochs = max(asked, epochs)
    return f"epoch {epoch} of {epochs}"


def bar(status: Status) -> str:
    """The whole run's progress."""
    kind = "done" if status.state == "done" else "" if status.state in LIVE else "stop"
    share = 100 * status.progress
    return (
        f'<div class="lt-progress {kind}" role="progressbar" aria-label="Progress of the run" '
        f'aria-valuenow="{share:.0f}" aria-valuemin="0" aria-valuemax="100">'
        f'<div style="width:{share:.1f}%"></div></div>'
    )
