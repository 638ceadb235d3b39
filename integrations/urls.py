"""Routes of what lies beyond our walls: pages under /dashboard/integrations, and the API under /api/v1/integrations."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
