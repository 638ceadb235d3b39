"""The truth of the customer data platform, one file per noun."""

from cdp.models.archive import ArchivedMessage, RawArchive, RawDay, RawErasure
from cdp.models.engines import EngineLeft, EnginePlace
from cdp.models.events import Change, Event, EventAlias, EventCopy, Kind, RejectedItem
from cdp.models.funnels import Funnel
from cdp.models.profiles import Identifier, IdentifierKind, Profile
from cdp.models.retention import Retention
from cdp.models.rfm import RfmCutOffs, RfmMonth, RfmPart
from cdp.models.segments import Roster, Segment, SegmentDay, SegmentForecast, SegmentPlace, Spell
from cdp.models.traits import Trait, TraitCarry, TraitChange, TraitValue, TraitVersion

__all__ = [
    "ArchivedMessage",
    "Change",
    "EngineLeft",
    "EnginePlace",
    "Event",
    "EventAlias",
    "EventCopy",
    "Funnel",
    "Identifier",
    "IdentifierKind",
    "Kind",
    "Profile",
    "RawArchive",
    "RawDay",
    "RawErasure",
    "RejectedItem",
    "Retention",
    "RfmCutOffs",
    "RfmMonth",
    "RfmPart",
    "Roster",
    "Segment",
    "SegmentDay",
    "SegmentForecast",
    "SegmentPlace",
    "Spell",
    "Trait",
    "TraitCarry",
    "TraitChange",
    "TraitValue",
    "TraitVersion",
]
