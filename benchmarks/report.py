"""docs/performance.md and its picture, from what was measured."""

import statistics
from importlib.metadata import version
from pathlib import Path
from typing import Any

import plotly.graph_objects as go

from dashboard.charts import theme

HEAD = """# Performance

Written by `make bench` on {machine}; {versions}. Every figure is the median of its repeats, in brackets the least and
the greatest; each line was measured in turn with its peer, in processes of their own, imports excluded. The peer is
`benchmarks/peer.py`: the plain `model.fit` of Keras' transfer-learning guide on the same split of the same files. The
accuracy beside a time is that of the epoch with the lowest validation loss; ours is that of the whole float32 network
on the picture files.

![Seconds of each work by Thaw and by the plain script](performance.png)
"""

WHERE_NOT = """
## Where it is not faster, and why

The cache pays when the same frozen output is used again. One epoch uses it once: what is gained there is the engine's.
Fresh augmentation in every epoch (cache off) makes every picture a new one, so that the frozen part is computed for
each, as the plain script does it. With everything thawed nothing is frozen, and there is nothing to keep.
"""

WATCHING = """People at machines of their own are sessions of the real server, which ask it for all that a browser asks
for; browsers on this machine draw with its processor as well.

"""


LEAKS = """A changed copy (cropped, lighter or darker, saved again) of 30 % of the pictures is planted in a clean set. A
copy that trains while its original tests is asked what it has been told, and the figure is better than the network.

"""


def versions() -> str:
    names = ("keras", "tensorflow", "openvino", "numpy", "pillow")
    return ", ".join(f"{name} {version(name)}" for name in names)


def text(kept: dict[str, Any]) -> str:
    """The whole page; parts that were not measured are left out."""
    parts = [HEAD.format(machine=kept["machine"], versions=kept["versions"])]
    if lines := [*kept.get("training", []), *kept.get("augmentation", [])]:
        parts.append("## Training, against the plain script\n\n" + _speeds(lines))
    if lines := kept.get("others"):
        parts.append("## One backbone of each kind of preprocessing\n\n" + _speeds(lines))
    if lines := kept.get("throughput"):
        parts.append("## The frozen prefix, files in and features out\n\n" + _throughput(lines))
    if lines := kept.get("memory"):
        parts.append("## Memory while training\n\n" + _memory(lines))
    if lines := kept.get("accuracy"):
        parts.append("## Accuracy with and without the cache\n\n" + _accuracy(lines))
    if lines := kept.get("views"):
        parts.append("## How many views\n\n" + _views(lines))
    if lines := kept.get("probes"):
        parts.append("## Starting weights: a linear classifier on frozen features\n\n" + _probes(lines))
    if lines := kept.get("tuned"):
        parts.append("## Starting weights: trained in both phases\n\n" + _tuned(lines))
    if lines := kept.get("limits"):
        parts.append(WHERE_NOT.strip() + "\n\n" + _speeds(lines))
    if lines := kept.get("start"):
        rows = "\n".join(f"| {line['way']} | {_seconds(line['seconds'])} | 3 s |" for line in lines)
        parts.append(f"## From Train to the first batch\n\n| way | time | goal |\n|---|---|---|\n{rows}\n")
    if lines := kept.get("live"):
        parts.append("## Watching a run\n\n" + WATCHING + _live(lines))
    if lines := kept.get("taking"):
        parts.append("## A hundred thousand pictures\n\n" + _taking(lines))
    if lines := kept.get("leaks"):
        parts.append("## Look-alikes on two sides\n\n" + LEAKS + _leaks(lines))
    if lines := kept.get("pages"):
        rows = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        parts.append(f"## The rest of the path\n\n| work | time | beside it |\n|---|---|---|\n{rows}\n")
    return "\n".join(part.rstrip() + "\n" for part in parts)


def _probes(lines: list[dict[str, Any]]) -> str:
    rows = [
        f"| {line['dataset']} | {line['random']:.3f} | {line['formula']:.3f} | {line['imagenet']:.3f} | "
        f"{'–' if line['share'] is None else format(line['share'], '.2f')} | {'yes' if line['kept_out'] else ''} |"
        for line in lines
    ]
    shares = [line["share"] for line in lines if line["share"] is not None]
    capped = statistics.mean(min(share, 1.0) for share in shares)
    below = [line["dataset"] for line in lines if line["formula"] < line["random"]]
    said = (
        "MobileNetV2 0.35 at 96 pixels, five folds. The share of the way from random to ImageNet's weights is taken "
        f"where that way is at least 0.03: mean **{statistics.mean(shares):.2f}** (goal 0.5), {capped:.2f} if none "
        f"counts for more than 1. Below random: {', '.join(below) or 'none'}. A third of the sets was not looked at "
        "while programs and settings were chosen.\n\n"
    )
    head = "| set | random | formula | ImageNet | share of the way | kept out of choosing |"
    return "\n".join([said + head, "|---|---|---|---|---|---|", *rows]) + "\n"


def _tuned(lines: list[dict[str, Any]]) -> str:
    random = {line["dataset"]: line for line in lines if line["way"] == "random"}
    rows = []
    for line in lines:
        more = statistics.mean(line["test_accuracies"]) - statistics.mean(random[line["dataset"]]["test_accuracies"])
        against = "–" if line["way"] == "random" else f"{100 * more:+.1f} points"
        seconds = _seconds(line["seconds"])
        rows.append(
            f"| {line['dataset']} | {line['way']} | {_share(line['test_accuracies'])} | {against} | {seconds} |"
        )
    head = "| set | weights | test accuracy, mean (by seed) | against random (goal: 8) | files to finished model |"
    return "\n".join([head, "|---|---|---|---|---|", *rows]) + "\n"


def _speeds(lines: list[dict[str, Any]]) -> str:
    rows = [
        f"| {line['work']} | {_seconds(line['ours'])} | {_seconds(line['peer'])} | **{_times(line):.1f}** | "
        f"{'–' if line['goal'] is None else format(line['goal'], 'g')} | {_share(line['our_accuracy'])} | "
        f"{_share(line['peer_accuracy'])} |"
        for line in lines
    ]
    head = "| work | Thaw | `model.fit` | times faster | goal | accuracy, Thaw | accuracy, `model.fit` |"
    return "\n".join([head, "|---|---|---|---|---|---|---|", *rows]) + "\n"


def _times(line: dict[str, Any]) -> float:
    return statistics.median(line["peer"]) / statistics.median(line["ours"])


def _seconds(values: list[float]) -> str:
    middle = f"{statistics.median(values):.2f} s"
    return middle if len(values) == 1 else f"{middle} ({min(values):.2f}–{max(values):.2f})"


def _share(values: list[float]) -> str:
    middle = f"{statistics.mean(values):.3f}"
    return middle if len(values) == 1 else f"{middle} ({', '.join(f'{value:.3f}' for value in values)})"


def _throughput(lines: list[dict[str, Any]]) -> str:
    rows = []
    for line in lines:
        ours, ceiling = (statistics.median(each[name] for each in line["repeats"]) for name in ("ours", "ceiling"))
        rows.append(f"| {line['precision']} | {ours:.0f} | {ceiling:.0f} | **{ours / ceiling:.2f}** | 0.9 |")
    head = "| precision | pictures a second | ceiling: OpenVINO's `benchmark_app`, no files to read | share | goal |"
    return "\n".join([head, "|---|---|---|---|---|", *rows]) + "\n"


def _memory(lines: list[dict[str, Any]]) -> str:
    least = min(line["megabytes"] for line in lines)
    rows = [
        f"| {line['pictures']:,.0f} | {line['megabytes']:,.0f} MB | {line['megabytes'] - least:+,.0f} MB |"
        for line in lines
    ]
    head = "| pictures | greatest memory of the training process | above the least |"
    return "\n".join([head, "|---|---|---|", *rows]) + "\n"


def _accuracy(lines: list[dict[str, Any]]) -> str:
    base = {line["dataset"]: statistics.mean(line["accuracies"]) for line in lines if line["way"] == "no cache"}
    rows = [
        f"| {line['dataset']} | {line['way']} | {_share(line['accuracies'])} | "
        f"{100 * (statistics.mean(line['accuracies']) - base[line['dataset']]):+.1f} points | "
        f"{_share(line['test_accuracies']) if line['test_accuracies'] else '–'} |"
        for line in lines
    ]
    head = "| data set | way | validation accuracy, mean (by seed) | against no cache | test accuracy |"
    return "\n".join([head, "|---|---|---|---|---|", *rows]) + "\n"


def _views(lines: list[dict[str, Any]]) -> str:
    rows = [
        f"| {line['dataset']} | {line['views'] or 'fresh in every epoch'} | {_seconds(line['seconds'])} | "
        f"{_share(line['accuracies'])} | {_share(line['test_accuracies'])} |"
        for line in lines
    ]
    head = "| data set | views | files to finished model, 16 frozen epochs | validation accuracy | test accuracy |"
    return "\n".join([head, "|---|---|---|---|---|", *rows]) + "\n"


def _live(lines: list[dict[str, Any]]) -> str:
    rows = []
    for line in lines:
        unwatched, goal = line["unwatched"], line["goal"]
        beside = ["–", "–", "–" if goal is None else f"{goal:g} s"]
        if unwatched:
            slower = statistics.median(line["seconds"]) / statistics.median(unwatched) - 1
            beside = [_seconds(unwatched), f"**{slower:+.1%}**", "–" if goal is None else f"{goal:+.0%}"]
        rows.append(f"| {line['work']} | {_seconds(line['seconds'])} | {' | '.join(beside)} |")
    head = "| work | time | nobody watching | longer by | goal |"
    return "\n".join([head, "|---|---|---|---|---|", *rows]) + "\n"


def _leaks(lines: list[dict[str, Any]]) -> str:
    rows = [
        f"| {line['dataset']} | {line['way']} | {line['planted']} | {', '.join(map(str, line['parted']))} | "
        f"{_share(line['test_accuracies'])} |"
        for line in lines
    ]
    head = "| data set | division | near-duplicates planted | parted, by seed | test accuracy, mean (by seed) |"
    return "\n".join([head, "|---|---|---|---|---|", *rows]) + "\n"


def _taking(lines: list[dict[str, Any]]) -> str:
    rows = [
        f"| {line['work']} | {_seconds(line['seconds'])} | {line['goal']:g} s | {line['beside']} |" for line in lines
    ]
    return "\n".join(["| work | time | goal | beside it |", "|---|---|---|---|", *rows]) + "\n"


def picture(kept: dict[str, Any], path: Path) -> None:
    """Bars of the training lines, drawn by a browser; nothing where they were not measured or no browser is here."""
    from playwright.sync_api import sync_playwright

    lines = [*kept.get("training", []), *kept.get("augmentation", []), *kept.get("others", [])]
    if not lines:
        return
    works = [f"{line['work']}<br>{_times(line):.0f} times faster" for line in lines][::-1]
    figure = go.Figure()
    for name, key, color in (("model.fit", "peer", theme.NEUTRAL), ("Thaw", "ours", theme.ICE)):
        seconds = [statistics.median(line[key]) for line in lines][::-1]
        labels = [f"{value:.1f} s" for value in seconds]
        figure.add_bar(y=works, x=seconds, name=name, orientation="h", marker_color=color, text=labels)
    figure.update_xaxes(title_text="seconds, on a logarithmic axis", type="log")
    figure.update_yaxes(automargin=True)
    figure.update_layout(
        title="The same work by Thaw and by the plain script", template="plotly_white", legend_traceorder="reversed"
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium")
        page = browser.new_page(viewport={"width": 1100, "height": 120 + 70 * len(lines)})
        page.set_content(figure.to_html(include_plotlyjs=True, full_html=True))
        page.wait_for_selector(".barlayer")
        page.screenshot(path=path)
        browser.close()
