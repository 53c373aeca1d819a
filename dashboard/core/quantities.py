"""Times and sizes in words."""


def duration(seconds: float) -> str:
    """`8 s`, `2 min 10 s`, `3 h 5 min`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def size(count_of_bytes: float) -> str:
    """`812 kB`, `9.4 MB`."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count_of_bytes < 1000 or unit == "GB":
            break
        count_of_bytes /= 1000
    return f"{count_of_bytes:.3g} {unit}"
