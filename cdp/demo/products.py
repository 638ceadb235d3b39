"""What Northlight Outdoor sells."""

from dataclasses import dataclass

CAD_PER_USD = 136  # in hundredths; Canadian shelves are priced from the American ones


@dataclass(slots=True, eq=False)
class Product:
    """`cents` per currency."""

    sku: str
    name: str
    category: str
    cents: dict[str, int]
    path: str


_SHELVES: dict[str, tuple[tuple[str, int], ...]] = {
    "Tents": (
        ("Boreal 2 Tent", 34995),
        ("Boreal 3 Tent", 42995),
        ("Aurora Solo Bivy", 18950),
        ("Basecamp 6 Tent", 64900),
        ("Ridge Tarp 3x3", 8995),
        ("Tent Footprint", 4495),
    ),
    "Sleeping Bags": (
        ("Polar -15 Down Bag", 38900),
        ("Larch 0 Down Bag", 27995),
        ("Meadow +8 Summer Bag", 11995),
        ("Drift Sleeping Pad", 9495),
        ("Drift Insulated Pad", 15995),
        ("Silk Liner", 5450),
    ),
    "Backpacks": (
        ("Traverse 28 Daypack", 12995),
        ("Traverse 45 Pack", 19995),
        ("Expedition 65 Pack", 28995),
        ("Commuter 18 Pack", 8495),
        ("Trail Vest 8", 10995),
        ("Rain Cover", 2995),
    ),
    "Footwear": (
        ("Granite Mid Hiking Boot", 18995),
        ("Granite Low Hiking Shoe", 15495),
        ("Swift Trail Runner", 13995),
        ("Tundra Winter Boot", 21995),
        ("Camp Slipper", 4995),
        ("Merino Hiking Sock", 2195),
    ),
    "Outerwear": (
        ("Stormline Shell Jacket", 29900),
        ("Stormline Shell Pants", 21900),
        ("Ember Down Jacket", 24995),
        ("Fjord Fleece", 11995),
        ("Windward Vest", 9995),
        ("Merino Base Layer", 8450),
    ),
    "Climbing": (
        ("Apex Harness", 7995),
        ("Sendline 9.5 Rope 60 m", 21995),
        ("Summit Helmet", 8995),
        ("Quickdraw Set of 6", 10450),
        ("Chalk Bag", 2495),
        ("Via Ferrata Set", 13995),
    ),
    "Cooking": (
        ("Pocket Stove", 5995),
        ("Windproof Stove System", 14995),
        ("Titanium Pot 0.9 l", 6495),
        ("Insulated Mug", 2795),
        ("Camp Cookset", 8995),
        ("Freeze-Dried Dinner", 1295),
    ),
    "Accessories": (
        ("Headlamp 400", 5995),
        ("Trekking Poles Carbon", 14995),
        ("Water Filter", 4495),
        ("Dry Bag 20 l", 2995),
        ("First Aid Kit", 3450),
        ("Beanie", 2950),
    ),
}


def _slug(text: str) -> str:
    return "-".join("".join(letter if letter.isalnum() else " " for letter in text.lower()).split())


def _product(number: int, category: str, name: str, cents: int) -> Product:
    sku = f"NL-{category[:2].upper()}{number:03d}"
    prices = {"USD": cents, "CAD": round(cents * CAD_PER_USD / 100)}
    return Product(sku, name, category, prices, f"/products/{_slug(name)}")


SHELVES: dict[str, tuple[Product, ...]] = {
    category: tuple(_product(10 * (row + 1) + place, category, *line) for place, line in enumerate(lines))
    for row, (category, lines) in enumerate(_SHELVES.items())
}
CATEGORIES = tuple(SHELVES)
SHELF_PATHS = {category: f"/collections/{_slug(category)}" for category in CATEGORIES}
