"""When somebody was in a segment."""

from cdp.models import Profile, Segment, Spell


def stays(segment: Segment, profile: Profile) -> list[Spell]:
    """The latest first, with those of whoever was merged into the profile."""
    merged = Profile.objects.filter(merged_into=profile.pk).values("pk")
    keys = [profile.pk, *merged.values_list("pk", flat=True)]
    return list(segment.spells.filter(profile_id__in=keys).order_by("-entered_at", "-id"))
