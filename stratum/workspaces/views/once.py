"""A secret that one page shows once: it waits, sealed, in the session until that page is opened."""

from django.http import HttpRequest

from stratum.lib.seal import seal, unseal


def keep(request: HttpRequest, name: str, secret: str) -> None:
    request.session[f"once:{name}"] = seal(secret)


def take(request: HttpRequest, name: str) -> str | None:
    sealed = request.session.pop(f"once:{name}", None)
    try:
        return unseal(sealed) if sealed else None
    except ValueError:
        return None
