"""/api/v1/cdp/segments/overlap: the sizes of every region of two to ten segments, and how each pair compares."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from cdp.queries.segment_overlap import POINTER, SegmentOverlap, overlap
from cdp.segments.overlap import FEWEST, MOST, Pair
from stratum.lib.refusal import Fault, Invalid
from stratum.lib.routes import route
from stratum.lib.serializers import Problem
from stratum.workspaces.authentication import ApiRequest


class OverlapBody(serializers.Serializer[Any]):
    segments = serializers.ListField(child=serializers.UUIDField(), min_length=FEWEST, max_length=MOST)


class OverlapSizeShape(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    size = serializers.IntegerField()


class RegionShape(serializers.Serializer[Any]):
    vars()["in"] = serializers.ListField(child=serializers.UUIDField(), help_text="In these, and in no other one.")
    size = serializers.IntegerField()


class PairShape(serializers.Serializer[Any]):
    a = serializers.UUIDField()
    b = serializers.UUIDField()
    intersection = serializers.IntegerField()
    union = serializers.IntegerField()
    a_rate = serializers.FloatField(allow_null=True, help_text="Share of a that is in b too; null where a is empty.")
    b_rate = serializers.FloatField(allow_null=True)
    jaccard = serializers.FloatField(allow_null=True)
    overlap_coefficient = serializers.FloatField(allow_null=True)
    lift = serializers.FloatField(allow_null=True, help_text="intersection · universe / (a · b).")
    relation = serializers.ChoiceField(
        ["empty", "disjoint", "equal", "a_in_b", "b_in_a", "near_duplicate", "overlapping"]
    )


class OverlapShape(serializers.Serializer[Any]):
    universe = serializers.IntegerField(help_text="Live profiles; identified ones only where no segment has others.")
    segments = OverlapSizeShape(many=True)
    regions = RegionShape(many=True, help_text="Those that somebody is in, the largest first.")
    pairs = PairShape(many=True)


class SegmentOverlapApi(APIView):
    right = "view"

    @extend_schema(
        tags=["Segments"],
        summary="Compare segments",
        request=OverlapBody,
        responses={200: OverlapShape, 401: Problem, 403: Problem, 422: Problem},
    )
    def post(self, request: ApiRequest) -> Response:
        return Response(_shape(overlap(request.workspace, _keys(request.data))))


def _keys(body: object) -> list[UUID]:
    if not isinstance(body, Mapping) or not isinstance(body.get("segments"), list):
        raise Invalid([Fault(POINTER, "Send {“segments”: [id, …]} with two to ten segments.", "wrong_type")])
    faults = [
        Fault(f"/{name}", "This field is not known here. Send only segments.", "unknown_field")
        for name in body
        if name != "segments"
    ]
    keys = []
    for place, text in enumerate(body["segments"]):
        try:
            keys.append(UUID(text))
        except (ValueError, TypeError, AttributeError):
            faults.append(Fault(f"{POINTER}/{place}", "Name a segment by its id, as the API writes it.", "wrong_type"))
    if faults:
        raise Invalid(faults)
    return keys


def _shape(found: SegmentOverlap) -> dict[str, Any]:
    keys = [str(segment.pk) for segment in found.segments]
    figures = found.figures
    return {
        "universe": figures.universe,
        "segments": [{"id": key, "size": size} for key, size in zip(keys, figures.sizes, strict=True)],
        "regions": [
            {"in": [keys[place] for place in region.inside], "size": region.size} for region in figures.regions
        ],
        "pairs": [_pair(pair, keys) for pair in figures.pairs],
    }


def _pair(pair: Pair, keys: list[str]) -> dict[str, Any]:
    names = ("intersection", "union", "a_rate", "b_rate", "jaccard", "overlap_coefficient", "lift", "relation")
    return {"a": keys[pair.a], "b": keys[pair.b]} | {name: getattr(pair, name) for name in names}


urlpatterns = [route("api/v1/cdp/segments/overlap", SegmentOverlapApi.as_view(), "api_segment_overlap")]
