"""Where an event came from: the ad platform, the device and the campaign, derived once."""

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote_plus

LONGEST_LABEL = 255
LONGEST_ADDRESS = 2_048  # what is behind it is no address, and would fill the caches
LONGEST_AGENT = 512
CACHED = 4_096

SOURCES: Mapping[str, str] = MappingProxyType(
    {
        source: platform
        for platform, sources in {
            "meta": "meta facebook fb instagram ig messenger whatsapp facebook_ads facebookads facebook.com "
            "instagram.com m.facebook.com l.facebook.com l.instagram.com meta_ads metaads threads audience_network an",
            "google": "google adwords googleads google_ads google-ads gads youtube google.com youtube.com dv360 yt",
            "tiktok": "tiktok tiktok_ads tiktokads tiktok.com tt",
            "microsoft": "microsoft bing bing.com bingads bing_ads microsoft_ads microsoftads msn",
            "linkedin": "linkedin linkedin_ads linkedin.com linkedinads",
            "x": "x twitter twitter.com x.com t.co twitter_ads twitterads",
            "pinterest": "pinterest pinterest.com pinterest_ads",
            "snapchat": "snapchat snap snapchat.com snapchat_ads",
            "reddit": "reddit reddit.com reddit_ads",
        }.items()
        for source in sources.split()
    }
)
CLICK_IDS: Mapping[str, str] = MappingProxyType(
    {
        "fbclid": "meta",
        "gclid": "google",
        "gbraid": "google",
        "wbraid": "google",
        "ttclid": "tiktok",
        "msclkid": "microsoft",
        "li_fat_id": "linkedin",
        "twclid": "x",
        "epik": "pinterest",
        "sccid": "snapchat",
        "rdt_cid": "reddit",
    }
)
TAGS = frozenset({"utm_source", "utm_campaign", *CLICK_IDS})

# Google's sign-in, mail and documents lead to a shop without an ad or a search.
NOT_TRAFFIC = ("accounts.", "mail.", "docs.", "drive.", "meet.", "calendar.")
REFERRERS = (
    (re.compile(r"(^|\.)(facebook|instagram|messenger|threads)\.(com|net)$|(^|\.)fb\.(com|me)$"), "meta"),
    (re.compile(r"(^|\.)google(\.[a-z]{2,3}){1,2}$|(^|\.)(youtube\.com|youtu\.be|googlesyndication\.com)$"), "google"),
    (re.compile(r"(^|\.)tiktok\.com$"), "tiktok"),
    (re.compile(r"(^|\.)(bing|msn)\.com$"), "microsoft"),
    (re.compile(r"(^|\.)(linkedin\.com|lnkd\.in)$"), "linkedin"),
    (re.compile(r"(^|\.)(twitter\.com|x\.com|t\.co)$"), "x"),
    (re.compile(r"(^|\.)(pinterest(\.[a-z]{2,3}){1,2}|pin\.it)$"), "pinterest"),
    (re.compile(r"(^|\.)snapchat\.com$"), "snapchat"),
    (re.compile(r"(^|\.)(reddit\.com|redd\.it)$"), "reddit"),
)
ANDROID_APP = "android-app://"
APPS: Mapping[str, str] = MappingProxyType(
    {
        "com.facebook.katana": "meta",
        "com.instagram.android": "meta",
        "com.google.android.googlequicksearchbox": "google",
        "com.google.android.youtube": "google",
        "com.linkedin.android": "linkedin",
        "com.pinterest": "pinterest",
        "com.twitter.android": "x",
        "com.zhiliaoapp.musically": "tiktok",
    }
)

DEVICES: Mapping[str, str] = MappingProxyType(
    {
        "mobile": "mobile",
        "phone": "mobile",
        "smartphone": "mobile",
        "iphone": "mobile",
        "ios": "mobile",
        "android": "mobile",
        "tablet": "tablet",
        "ipad": "tablet",
        "desktop": "desktop",
        "computer": "desktop",
        "laptop": "desktop",
        "pc": "desktop",
        "macos": "desktop",
        "windows": "desktop",
    }
)
TELEVISION = re.compile(r"smart-?tv|apple ?tv|googletv|hbbtv|web0s|bravia|roku|crkey|aft[a-z]\b|playstation|xbox", re.I)
TABLET = re.compile(r"ipad|tablet|playbook|kindle|silk(?!.*mobile)|android(?!.*mobi)", re.I)
MOBILE = re.compile(r"mobi|iphone|ipod|android|blackberry|windows phone|opera mini|cfnetwork.*darwin", re.I)
DESKTOP = re.compile(r"windows nt|macintosh|x11|cros|linux", re.I)

Tags = tuple[tuple[str, str], ...]
NOTHING: Mapping[str, Any] = MappingProxyType({})


def origin(context: Mapping[str, Any], properties: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """(platform, campaign). A known utm_source is believed first, then a click id, any utm_source, the referrer."""
    page, campaign = _object(context, "page"), _object(context, "campaign")
    tags = _tags(page, properties)
    source = (_label(campaign.get("source")) or tags.get("utm_source") or _label(properties.get("utm_source"))).lower()
    platform = SOURCES.get(source) or _clicked(tags, properties) or source or _referred(page, context, properties)
    name = _label(campaign.get("name")) or tags.get("utm_campaign") or _label(properties.get("utm_campaign"))
    return platform or None, name or None


def device(context: Mapping[str, Any]) -> str | None:
    """mobile, desktop or tablet; None for servers, televisions and whatever else does not say."""
    hardware = _object(context, "device")
    told = hardware.get("type")
    if isinstance(told, str) and (known := DEVICES.get(told.strip().lower())):
        return "tablet" if str(hardware.get("model", "")).startswith("iPad") else known
    agent = context.get("userAgent")
    if isinstance(agent, str) and (seen := _device_of(agent[:LONGEST_AGENT])):
        return seen
    mobile = _object(context, "userAgentData").get("mobile")
    if isinstance(mobile, bool):
        return "mobile" if mobile else "desktop"
    return DEVICES.get(str(_object(context, "os").get("name", "")).lower())


@lru_cache(maxsize=CACHED)
def _device_of(agent: str) -> str | None:
    if TELEVISION.search(agent):
        return None
    if TABLET.search(agent):
        return "tablet"
    if MOBILE.search(agent):
        return "mobile"
    return "desktop" if DESKTOP.search(agent) else None


def _object(holder: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = holder.get(key)
    return value if isinstance(value, dict) else NOTHING


def _tags(page: Mapping[str, Any], properties: Mapping[str, Any]) -> dict[str, str]:
    """The utm_* and click-id parameters of the page's address, the first place that has any."""
    for place in (page.get("search"), page.get("url"), properties.get("search"), properties.get("url")):
        if isinstance(place, str) and "=" in place and (tags := _tags_of(place[:LONGEST_ADDRESS])):
            return dict(tags)
    return {}


@lru_cache(maxsize=CACHED)
def _tags_of(address: str) -> Tags:
    query = address.partition("?")[2] if "?" in address else "" if "//" in address else address
    pairs = (pair.partition("=") for pair in query.partition("#")[0].replace("?", "&").split("&"))
    return tuple((key, text) for key, _, value in pairs if key in TAGS and (text := _decoded(value)))


def _decoded(value: str) -> str:
    """A percent-coded NUL may not slip into text columns behind the check of the item."""
    return _label(unquote_plus(value)) if "%" in value or "+" in value else _label(value)


def _label(value: object) -> str:
    if isinstance(value, str):
        return value.strip()[:LONGEST_LABEL] if "\0" not in value else ""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def _clicked(tags: Mapping[str, str], properties: Mapping[str, Any]) -> str | None:
    for holder in (tags, properties):
        if not CLICK_IDS.keys().isdisjoint(holder):
            return next((platform for click_id, platform in CLICK_IDS.items() if holder.get(click_id)), None)
    return None


def _referred(page: Mapping[str, Any], context: Mapping[str, Any], properties: Mapping[str, Any]) -> str | None:
    for place in (page.get("referrer"), properties.get("referrer"), context.get("referrer")):
        address = place.get("url") if isinstance(place, dict) else place
        if isinstance(address, str) and address:
            return _platform_of(address[:LONGEST_ADDRESS])
    return None


@lru_cache(maxsize=CACHED)
def _platform_of(address: str) -> str | None:
    if address.startswith(ANDROID_APP):
        return APPS.get(address.removeprefix(ANDROID_APP).partition("/")[0])
    host = re.split(r"[/?#]", address.partition("//")[2] or address, maxsplit=1)[0]
    host = host.rpartition("@")[2].partition(":")[0].lower()
    if host.startswith(NOT_TRAFFIC):
        return None
    return next((platform for pattern, platform in REFERRERS if pattern.search(host)), None)
