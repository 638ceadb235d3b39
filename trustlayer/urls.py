"""Routes of the trust layer: pages under /dashboard/data-quality, and the API under /api/v1/trust-layer."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
