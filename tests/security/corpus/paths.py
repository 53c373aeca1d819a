"""Names of files that lead out, mislead, or only look as if they did; whatever carries them."""

from dataclasses import dataclass

from tests.security.corpus.cases import Row


@dataclass(frozen=True)
class Name:
    """`code` is what comes of it, empty where it is taken literally; `listed` is how it is shown then."""

    name: str
    sent: str
    code: str
    listed: str = ""

    @property
    def row(self) -> Row:
        return Row(self.name, self.listed or self.sent, self.code)


def leads_out(name: str, sent: str, listed: str = "") -> Name:
    return Name(name, sent, "member-path", listed)


def misleads(name: str, sent: str, listed: str) -> Name:
    return Name(name, sent, "member-name", listed)


def literal(name: str, sent: str, listed: str = "") -> Name:
    return Name(name, sent, "", listed)


LONG = "roses/" + "x" * 300 + ".png"
DEEP = "roses/" + "d/" * 1200 + "deep.png"

NAMES = (
    leads_out("up", "../thaw-evil.png"),
    leads_out("up far", "../../../../../../../../tmp/thaw-evil.png"),
    leads_out("up from a class", "roses/../../thaw-evil-2.png"),
    leads_out("up and down again", "roses/../roses/thaw-evil.png"),
    leads_out("up after a dot", "./../thaw-evil-3.png"),
    leads_out("up between dots", "roses/./.././../thaw-evil.png"),
    leads_out("up after an empty part", "roses//..//..//thaw-evil.png"),
    leads_out("up at the end", "roses/thaw-evil.png/.."),
    leads_out("absolute", "/thaw-evil.png"),
    leads_out("absolute twice", "//thaw-evil-4.png"),
    leads_out("absolute into the system", "/etc/cron.d/thaw-evil"),
    leads_out("drive", "C:/thaw-evil.png"),
    leads_out("drive, small letter", "c:/thaw-evil.png"),
    leads_out("backslash up", "..\\thaw-evil.png"),
    leads_out("backslash up from a class", "roses\\..\\..\\thaw-evil.png"),
    leads_out("both slashes", "roses\\../..\\thaw-evil.png"),
    leads_out("backslash absolute", "\\thaw-evil.png"),
    leads_out("backslash drive", "C:\\thaw-evil.png"),
    leads_out("UNC", "\\\\host\\share\\thaw-evil.png"),
    leads_out("UNC, slashes", "//host/share/thaw-evil.png"),
    leads_out("device path", "\\\\?\\C:\\thaw-evil.png"),
    misleads("too long", LONG, LONG[:296] + " ..."),
    misleads("too deep", DEEP, DEEP[:296] + " ..."),
    misleads("escape sequence", "roses/\x1b[31m.png", "roses/\\x1b[31m.png"),
    misleads("line feed", "roses/a\nb.png", "roses/a\\x0ab.png"),
    misleads("carriage return", "roses/a\rb.png", "roses/a\\x0db.png"),
    misleads("line separator", "roses/a\u2028b.png", "roses/a\\x2028b.png"),
    misleads("C1 control", "roses/a\x9bb.png", "roses/a\\x9bb.png"),
    misleads("delete", "roses/a\x7fb.png", "roses/a\\x7fb.png"),
    misleads("right-to-left override", "roses/\u202egnp.exe.png", "roses/\\x202egnp.exe.png"),
    misleads("right-to-left isolate", "roses/\u2067gnp.exe.png", "roses/\\x2067gnp.exe.png"),
    literal("slash of another script", "roses/x\u2215..\u2215..\u2215thaw-evil.png"),
    literal("full-width dots and slash", "roses/\uff0e\uff0e\uff0fthaw-evil.png"),
    literal("one dot leaders", "roses/\u2024\u2024\u2044thaw-evil.png"),
    literal("percent-encoded", "roses/%2e%2e%2fthaw-evil.png"),
    literal("stream of NTFS", "roses/1.png:evil.exe"),
    literal("Windows device", "roses/CON.png"),
    literal("Windows device without suffix", "roses/NUL"),
    literal("trailing dot", "roses/trailing.png."),
    literal("trailing space", "roses/trailing.png "),
    literal("leading dash", "roses/-rf.png"),
    literal("shell", "roses/$(touch thaw-evil).png"),
    literal("wildcard", "roses/*.png"),
    literal("drive without a slash", "roses/C:thaw-evil.png"),
    literal("zero width", "roses/a\u200bb.png"),
    literal("right-to-left letters", "roses/\u05d7\u05ea\u05d5\u05dc.png"),
    literal("emoji", "roses/\U0001f98a.png"),
    literal("two hundred folders", "roses/" + "d/" * 200 + "deep.png"),
    literal("dots and empty parts", "./roses//./dots.png", "roses/dots.png"),
    literal("255 letters", "roses/" + "y" * 251 + ".png"),
    literal("255 letters of four bytes", "roses/" + "\U0001f98a" * 251 + ".png"),
)
