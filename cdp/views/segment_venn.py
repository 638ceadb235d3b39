"""The geometry of a Venn diagram: two circles whose areas and lens are in proportion, or three in fixed places."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import acos, pi, sqrt

from cdp.segments.overlap import Overlap

WIDTH, HEIGHT, LARGEST = 400.0, 240.0, 90.0
STEPS = 60  # of the bisection: far below a pixel
# Three circles at the corners of a triangle, and where each of their regions has its middle.
RADIUS3 = 72.0
CENTRES3 = ((165.0, 92.0), (235.0, 92.0), (200.0, 150.0))
MIDDLES3 = {
    (0,): (130.0, 76.0),
    (1,): (270.0, 76.0),
    (2,): (200.0, 196.0),
    (0, 1): (200.0, 62.0),
    (0, 2): (150.0, 134.0),
    (1, 2): (250.0, 134.0),
    (0, 1, 2): (200.0, 112.0),
}


@dataclass(frozen=True, slots=True)
class Circle:
    """In units of the picture. `name` is written at its outer edge."""

    name: str
    x: float
    y: float
    radius: float
    name_x: float
    name_y: float


@dataclass(frozen=True, slots=True)
class Number:
    x: float
    y: float
    size: int


@dataclass(frozen=True, slots=True)
class Venn:
    circles: tuple[Circle, ...]
    numbers: tuple[Number, ...]


def venn(figures: Overlap, names: Sequence[str]) -> Venn | None:
    """None for more than three sets, which circles cannot show."""
    if len(figures.sizes) == 2:
        return _of_two(figures, names)
    return _of_three(figures, names) if len(figures.sizes) == 3 else None


def _of_two(figures: Overlap, names: Sequence[str]) -> Venn:
    both = figures.size_of((0, 1))
    first, second = (LARGEST * sqrt(size / max(*figures.sizes, 1)) for size in figures.sizes)
    distance = _distance(first, second, pi * LARGEST**2 * both / max(*figures.sizes, 1))
    if not both:
        distance += 8.0  # circles that share nobody do not touch
    left = min(-first, distance - second)
    right = max(first, distance + second)
    start, y = (WIDTH - (right - left)) / 2 - left, HEIGHT / 2
    circles = (
        Circle(names[0], start, y, first, start - first / 2, y - first - 6),
        Circle(names[1], start + distance, y, second, start + distance + second / 2, y - second - 6),
    )
    low, high = max(-first, distance - second), min(first, distance + second)  # the lens, where there is one
    places = (
        ((0,), _middle((-first, low), (high, first))),
        ((0, 1), (low + high) / 2),
        ((1,), _middle((high, distance + second), (distance - second, low))),
    )
    numbers = (Number(start + place, y + 5, figures.size_of(inside)) for inside, place in places)
    return Venn(circles, tuple(number for number in numbers if number.size))


def _middle(*spans: tuple[float, float]) -> float:
    """Of the wider one: a circle inside the other leaves room on two sides."""
    low, high = max(spans, key=lambda span: span[1] - span[0])
    return (low + high) / 2


def _distance(first: float, second: float, wanted: float) -> float:
    """How far apart the centres of two circles lie whose lens has the wanted area; it shrinks with the distance."""
    near, far = abs(first - second), first + second
    for _ in range(STEPS):
        between = (near + far) / 2
        near, far = (between, far) if _lens(first, second, between) > wanted else (near, between)
    return (near + far) / 2


def _lens(first: float, second: float, distance: float) -> float:
    if distance >= first + second or not first or not second:
        return 0.0
    if distance <= abs(first - second):
        return pi * min(first, second) ** 2
    a = (distance**2 + first**2 - second**2) / (2 * distance)
    b = distance - a
    kite = distance * sqrt(max(first**2 - a**2, 0.0))
    return first**2 * _angle(a / first) + second**2 * _angle(b / second) - kite


def _angle(cosine: float) -> float:
    return acos(min(max(cosine, -1.0), 1.0))


def _of_three(figures: Overlap, names: Sequence[str]) -> Venn:
    edges = ((92.0, 40.0), (308.0, 40.0), (292.0, 214.0))
    circles = (Circle(name, x, y, RADIUS3, *edge) for name, (x, y), edge in zip(names, CENTRES3, edges, strict=True))
    numbers = (Number(x, y + 5, figures.size_of(inside)) for inside, (x, y) in MIDDLES3.items())
    return Venn(tuple(circles), tuple(numbers))
