"""The groups of RFM: each of the 125 codes belongs to exactly one."""

from dataclasses import dataclass

import numpy as np

from cdp.engine.arrays import Ints

NO_PURCHASES = "No purchases"


@dataclass(frozen=True, slots=True)
class Group:
    """`codes` as R F M, each from 1, the worst, to 5. `action`: what is usually done about them."""

    name: str
    action: str
    codes: tuple[str, ...]


def _group(name: str, action: str, codes: str) -> Group:
    return Group(name, action, tuple(codes.split()))


GROUPS = (
    _group(
        "Champions",
        "Reward them and ask for reviews; they buy new products first.",
        "555 554 544 545 454 455 445",
    ),
    _group(
        "Loyal",
        "Offer something of higher value, and membership.",
        "543 444 435 355 354 345 344 335",
    ),
    _group(
        "Potential Loyalist",
        "Recommend what goes with their orders, and a loyalty programme.",
        "553 551 552 541 542 533 532 531 452 451 442 441 431 453 433 432 423 353 352 351 342 341 333 323",
    ),
    _group(
        "New Customers",
        "Welcome them and lead them to a second order.",
        "512 511 422 421 412 411 311",
    ),
    _group(
        "Promising",
        "Stay in mind: show what is new, offer a first trial.",
        "525 524 523 522 521 515 514 513 425 424 413 414 415 315 314 313",
    ),
    _group(
        "Need Attention",
        "Make a limited offer that fits what they bought.",
        "535 534 443 434 343 334 325 324",
    ),
    _group(
        "About To Sleep",
        "Share what is popular, and a reason to come back.",
        "331 321 312 221 213 231 241 251",
    ),
    _group(
        "At Risk",
        "Write personally and renew contact before they are gone.",
        "255 254 245 244 253 252 243 242 235 234 225 224 153 152 145 143 142 135 134 133 125 124",
    ),
    _group(
        "Cannot Lose Them",
        "Win them back: talk to them, do not lose them to others.",
        "155 154 144 214 215 115 114 113",
    ),
    _group(
        "Hibernating",
        "Offer other products, and a special price now and then.",
        "332 322 233 232 223 222 132 123 122 212 211",
    ),
    _group(
        "Lost",
        "One campaign to win them back; leave them out of expensive ads.",
        "111 112 121 131 141 151",
    ),
)
NAMES = (*(group.name for group in GROUPS), NO_PURCHASES)

# By r, f and m the place in GROUPS.
_PLACES = np.zeros((6, 6, 6), np.int64)
for _place, _one in enumerate(GROUPS):
    for _code in _one.codes:
        _PLACES[tuple(map(int, _code))] = _place


def group_of(r: Ints, f: Ints, m: Ints) -> Ints:
    """For each customer the place of his group in GROUPS, by scores from 1 to 5."""
    found: Ints = _PLACES[r, f, m]
    return found
