"""Names, places and addresses for invented people."""

from itertools import product

from cdp.demo.dice import Weighted


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FIRST_NAMES = _words(
    """
    Ada Adrian Alma Amir Anna Anton Ava Ben Bianca Bruno Carla Cem Chloe Clara Cole Dana Daniel Diego Dora Eli
    Elena Emil Emma Erik Esme Eva Felix Finn Flora Gabe Gina Grace Greta Hana Hugo Ida Ines Iris Isaac Ivan Ivy
    Jack Jade Jamal Jana Joel Jonas Julia Kai Kara Kian Lara Lena Leo Liam Lily Luca Lucia Maja Marco Maria
    Mateo Maya Mia Mila Milan Nadia Naomi Nico Nina Noah Nora Olga Oscar Owen Paula Petra Quinn Rafael Rosa Ruth
    Sam Sara Selma Simon Sofia Stella Tara Theo Tom Uma Vera Victor Wanda Will Xenia Yara Yusuf Zoe
    """
)
LAST_NAMES = _words(
    """
    Abbott Adler Alvarez Baker Barnes Becker Bell Bennett Berg Brooks Burke Castro Chen Clarke Cole Cruz Dale
    Davies Diaz Dixon Doyle Egan Ellis Evans Faber Fisher Flores Ford Foster Frost Garcia Gibson Grant Green
    Hale Hansen Harper Hayes Hill Holt Howard Hughes Ito Jensen Jones Kaplan Keller Kim King Klein Lambert Lane
    Larsen Lee Lopez Lund Marsh Meyer Miller Moore Moreno Morris Nakamura Nash Nolan Novak Ortiz Park Patel
    Perez Perry Pham Porter Price Quinn Ramos Reed Reyes Rivera Roberts Romero Ross Ruiz Russo Sanders Schmidt
    Shaw Silva Singh Sloan Stone Sutton Tanaka Tate Torres Tran Turner Vargas Vogel Wade Walker Ward Weber West
    Wolf Wong Woods Wright Young Zimmer
    """
)
# (city, region, country)
CITIES = Weighted(
    {
        ("New York", "NY", "US"): 18.0,
        ("Boston", "MA", "US"): 9,
        ("Philadelphia", "PA", "US"): 6,
        ("Washington", "DC", "US"): 6,
        ("Burlington", "VT", "US"): 3,
        ("Portland", "ME", "US"): 3,
        ("Asheville", "NC", "US"): 4,
        ("Atlanta", "GA", "US"): 5,
        ("Chicago", "IL", "US"): 8,
        ("Minneapolis", "MN", "US"): 5,
        ("Denver", "CO", "US"): 9,
        ("Salt Lake City", "UT", "US"): 6,
        ("Seattle", "WA", "US"): 8,
        ("Portland", "OR", "US"): 6,
        ("Toronto", "ON", "CA"): 4,
        ("Vancouver", "BC", "CA"): 3,
    }
)
# Numbers 555-0100 to 555-0199 of every area code are kept for fiction.
_AREAS = _words(
    """
    212 332 347 617 857 215 267 202 771 802 207 828 404 470 678 312 773 872 612 651 303 720 983 801 385 206 253
    425 503 971 416 437 647 604 778 236 914 516 631 845 518 607 716 585 315 413 508 774 781 978
    """
)
PHONES = tuple(f"+1{area}55501{line:02d}" for line, area in product(range(100), _AREAS))
MAIL_DOMAINS = ("example.com", "example.net", "example.org")
