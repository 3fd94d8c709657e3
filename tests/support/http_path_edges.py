"""Tricks with the request target: other ways to write a path, another host, what decodes to something else."""

from collections.abc import Callable
from functools import reduce
from typing import Final

from support.http_edges import MALFORMED, NOT_FOUND, PLAIN, TOO_LARGE_HEAD, Edge, Send, edge, end
from support.http_routes import Route

Change = Callable[[Route], str]
_UNKNOWN: Final = end("404 not-found", "422 invalid-request")  # of no route, or no id in a route


def _to(change: Change) -> Send:
    return lambda route: [route.sized(f"x-note: {route.word}", target=change(route))]


def _version(written: str) -> Change:
    return lambda route: route.path.replace("/v1/", written.replace("{word}", route.word), 1)


def _path(ending: str) -> Change:
    """Something behind the path, before the query."""

    def change(route: Route) -> str:
        path, mark, query = route.path.partition("?")
        return path + ending.replace("{word}", route.word) + mark + query

    return change


def _query(more: str) -> Change:
    return lambda route: route.path + ("&" if "?" in route.path else "?") + more.replace("{word}", route.word)


def _ids(write: Callable[[str], str]) -> Change:
    return lambda route: reduce(lambda path, id_: path.replace(id_, write(id_)), route.ids, route.path)


MISSING: Final[dict[str, Change]] = {
    "// before the path": lambda route: "/" + route.path,
    "// in the path": _version("/v1//"),
    "/v1/../": lambda route: "/v1/.." + route.path,
    "/./": _version("/v1/./"),
    "%2e%2e": lambda route: "/v1/%2e%2e" + route.path,
    "backslash": _version("/v1\\"),
    "path in capitals": _version("/V1/"),
    "*": lambda _: "*",
    "path of 8 KB": lambda route: f"/v1/{route.word}" + "a" * 8192,
    "path of 8,000 parts": lambda _: "/a" * 8000,
    "%252f": _version("/v1%252f"),
    "overlong UTF-8 for /": _version("/v1%c0%af"),
}
UNKNOWN: Final[dict[str, Change]] = {
    ";param": _path(";{word}=b"),
    "slash at the end": _path("/"),
    "%zz": _path("%zz{word}"),
    "% at the end": _path("%"),
    "overlong UTF-8 for .": _path("%c0%ae"),
    "CR and LF": _path("%0d%0aset-cookie:{word}"),
    "space at the end": _path("%20"),
    "no UTF-8": _path("%ff"),
}
BROKEN: Final[dict[str, Change]] = {
    "%2f": _version("/v1%2f"),
    "%2F before the path": lambda route: "/%2F" + route.path,
    "%5c": _version("/v1%5C"),
    "fragment": lambda route: f"{route.path}#{route.word}",
    "only a fragment": lambda route: f"#{route.word}",
    "no slash before the path": lambda route: route.path[1:],
    "host without a path": lambda route: f"http://{route.word}.example",
    "host that is none": lambda route: f"http://[{route.word}{route.path}",
    "NUL": lambda route: f"{route.path}\0{route.word}",
    "UTF-8 as it is": lambda route: route.path + f"Nguyễn {route.word}".encode().decode("latin-1"),
    "Latin-1 as it is": lambda route: f"{route.path}\xea{route.word}",
}
SAME: Final[dict[str, Change]] = {
    "absolute URI": lambda route: f"http://{route.word}.example{route.path}",
    "absolute URI with a user": lambda route: f"https://{route.word}:p@a.example{route.path}",
    "letters encoded": _version("/%761/"),
    "unknown parameter": _query("{word}=true"),
    "query of 8 KB": _query("{word}=" + "a" * 8192),
    "query that is no UTF-8": _query("{word}=%ea%ff"),
    "encoded slash in the query": _query("{word}=%2f%2e%2e%2f"),
}
# An id is an id, however it is written (RFC 9562, section 4); what is none is refused.
IDS: Final[dict[str, Callable[[str], str]]] = {
    "id in braces": lambda id_: "%7b" + id_ + "%7d",
    "id in bare braces": lambda id_: "{" + id_ + "}",
    "id as URN": lambda id_: "urn:uuid:" + id_,
    "id in capitals": str.upper,
    "id without dashes": lambda id_: id_.replace("-", ""),
}
NO_IDS: Final[dict[str, Callable[[str], str]]] = {
    "id with a wide digit": lambda id_: id_[:-1] + "%EF%BC%91",
    "id with a space": lambda id_: id_ + "%20",
    "id with a line end": lambda id_: id_ + "%0a",
    "id with other dashes": lambda id_: id_[0] + "-" + id_[1:].replace("-", ""),
    "id of dots": lambda _: "..",
    "id of SQL": lambda id_: id_ + "%27%20OR%201=1--",
    "id of 4 KB": lambda id_: id_ * 110,
}

PATHS: Final[tuple[Edge, ...]] = (
    *(edge(name, _to(change), NOT_FOUND) for name, change in MISSING.items()),
    *(edge(name, _to(change), _UNKNOWN) for name, change in UNKNOWN.items()),
    *(edge(name, _to(change), MALFORMED) for name, change in BROKEN.items()),
    *(edge(name, _to(change), PLAIN) for name, change in SAME.items()),
    *(edge(name, _to(_ids(write)), PLAIN, applies=lambda route: bool(route.ids)) for name, write in IDS.items()),
    *(
        edge(name, _to(_ids(write)), end("422 invalid-request"), applies=lambda route: bool(route.ids))
        for name, write in NO_IDS.items()
    ),
    edge("path of 33 KB", _to(lambda route: f"/v1/{route.word}" + "a" * 33_000), TOO_LARGE_HEAD),
    edge("%00 in the path", _to(_path("%00{word}")), end("400 malformed-request")),
    edge("%00 in the query", _to(_query("{word}=%00")), end("400 malformed-request")),
)
