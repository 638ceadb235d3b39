from django.apps import AppConfig


class TrustLayerConfig(AppConfig):
    name = "trustlayer"
    default_auto_field = "django.db.models.BigAutoField"
