"""Routes of the customer data rooms: pages under /dashboard/cdp, the API, and the tracking API."""

from cdp.api import events as events_api
from cdp.api import forecast as forecast_api
from cdp.api import funnels as funnels_api
from cdp.api import insights as insights_api
from cdp.api import overlap as overlap_api
from cdp.api import profiles as profiles_api
from cdp.api import rfm as rfm_api
from cdp.api import segments as segments_api
from cdp.api import tracking
from cdp.api import traits as traits_api
from cdp.views import (
    demo,
    events,
    forecast,
    funnel_builder,
    funnel_people,
    funnel_results,
    funnel_sheets,
    funnels,
    insights,
    profiles,
    rfm,
    segment_builder,
    segment_detail,
    segment_overlap,
    segment_region,
    segment_why,
    segments,
    trait_builder,
    trait_detail,
    traits,
)

urlpatterns = [
    *tracking.urlpatterns,
    *funnels_api.urlpatterns,
    *insights_api.urlpatterns,
    *events_api.urlpatterns,
    *profiles_api.urlpatterns,
    *segments_api.urlpatterns,
    *overlap_api.urlpatterns,
    *rfm_api.urlpatterns,
    *forecast_api.urlpatterns,
    *traits_api.urlpatterns,
    *funnels.urlpatterns,
    *funnel_builder.urlpatterns,
    *funnel_results.urlpatterns,
    *insights.urlpatterns,
    *funnel_sheets.urlpatterns,
    *funnel_people.urlpatterns,
    *profiles.urlpatterns,
    *rfm.urlpatterns,
    *segment_builder.urlpatterns,
    *segment_detail.urlpatterns,
    *segment_overlap.urlpatterns,
    *segment_region.urlpatterns,
    *segment_why.urlpatterns,
    *segments.urlpatterns,
    *forecast.urlpatterns,
    *traits.urlpatterns,
    *trait_builder.urlpatterns,
    *trait_detail.urlpatterns,
    *events.urlpatterns,
    *demo.urlpatterns,
]
