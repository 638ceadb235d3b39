"""Make a workspace from the command line."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from stratum.lib import clock
from stratum.lib.refusal import Refusal
from stratum.workspaces import plans, queries, services
from stratum.workspaces.models import User


class Command(BaseCommand):
    help = (
        "Make a workspace. With --owner the person becomes its owner; an unknown e-mail address gets an account "
        "without a password, to be set by `manage.py changepassword E-MAIL` or on the page “Forgot your password?”."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="What people call it, such as “Acme Shop”. Its slug is made from it.")
        parser.add_argument("--plan", default="professional", choices=list(plans.PLANS), help="Default: %(default)s.")
        parser.add_argument("--time-zone", default="UTC", help="Like Europe/Berlin. Default: %(default)s.")
        parser.add_argument("--currency", default="USD", help="Three capital letters. Default: %(default)s.")
        parser.add_argument("--country", default="US", help="For phone numbers without +prefix. Default: %(default)s.")
        parser.add_argument("--owner", metavar="E-MAIL", help="Who owns it.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object and nothing else.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            made = create(options)
        except Refusal as refusal:
            raise CommandError(refusal.sentence) from refusal
        if options["json"]:
            self.stdout.write(json.dumps(made))
            return
        self.stdout.write(f"Workspace “{made['name']}” is there: {made['slug']}")
        if made["owner"]:
            self.stdout.write(f"Owner: {made['owner']}")
        if made["hint"]:
            self.stdout.write(made["hint"])


@transaction.atomic
def create(options: dict[str, Any]) -> dict[str, str | None]:
    email = options["owner"]
    owner = queries.user(email) if email else None
    unknown = email is not None and owner is None
    if unknown:
        owner = services.create_user_without_password(email=email)
    workspace = services.create_workspace(
        name=options["name"],
        owner=owner,
        plan=options["plan"],
        time_zone=options["time_zone"],
        currency=options["currency"],
        default_country=options["country"],
        now=clock.now(),
    )
    return {
        "slug": workspace.slug,
        "name": workspace.name,
        "plan": workspace.plan,
        "time_zone": workspace.time_zone,
        "owner": owner.email if owner else None,
        "hint": hint(owner) if unknown and owner else None,
    }


def hint(owner: User) -> str:
    return f"{owner.email} has no password yet. Set one: manage.py changepassword {owner.email}"
