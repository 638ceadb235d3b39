"""Settings: everything a deployment may change comes from the environment (see .env.example)."""

import os
from pathlib import Path

from stratum.lib import embedded, env, keyfile

BASE_DIR = Path(__file__).resolve().parent.parent
env.load_file(BASE_DIR / ".env")

# Where the embedded database, engine files, broker messages and the secret key live.
HOME = Path(env.text("STRATUM_HOME", str(BASE_DIR / "var"))).resolve()

DEBUG = env.flag("DEBUG")
SECRET_KEY = env.text("SECRET_KEY") or keyfile.secret_key(HOME)
SECRET_KEY_FALLBACKS = env.words("SECRET_KEY_FALLBACKS")
LEDGER_KEY = env.text("LEDGER_KEY")  # unset: made once and kept in HOME
LEDGER_DAYS = env.number("LEDGER_DAYS", 0)  # how long the audit log is kept, at least a year; 0 is for ever
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS")
BASE_URL = env.text("BASE_URL", "http://localhost:8000")  # in e-mails and snippets

INSTALLED_APPS = [
    "stratum.workspaces",
    "stratum.reports",
    "stratum.notifications",
    "stratum.support",
    "trustlayer",
    "cdp",
    "integrations",
    "autopilot",
    "stratum.home",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "template_partials",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "stratum.lib.middleware.CompressedPages",
    "stratum.lib.middleware.ClientAddress",
    "stratum.lib.middleware.RequestId",
    "stratum.lib.middleware.ContentSecurityPolicy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "stratum.lib.middleware.Refusals",
    "stratum.workspaces.middleware.ApiAnswers",
]

ROOT_URLCONF = "stratum.urls"
WSGI_APPLICATION = "stratum.wsgi.application"
ASGI_APPLICATION = "stratum.asgi.application"
APPEND_SLASH = False  # routes tolerate both forms themselves, POST included

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "stratum.workspaces.context.room",
            ],
        },
    }
]

# Truth

DATABASE_URL = env.text("DATABASE_URL")
DATABASES = {"default": env.database(DATABASE_URL) if DATABASE_URL else embedded.database_settings(HOME)}
DATABASES["default"]["CONN_MAX_AGE"] = 600
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Events. Compiled kernels are kept with the data, where the user who runs Stratum may write.

os.environ.setdefault("NUMBA_CACHE_DIR", str(HOME / "kernels"))
ENGINE_URL = env.text("ENGINE_URL", f"columnar://{HOME / 'engine'}")

# Days of raw events that PostgreSQL keeps of workspaces whose engine is ClickHouse; 0 keeps all of them.
RECENT_EVENTS_DAYS = env.number("RECENT_EVENTS_DAYS", 0)

# Background work

CELERY_BROKER_URL = env.text("CELERY_BROKER_URL", "filesystem://")
if CELERY_BROKER_URL == "filesystem://":
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(HOME / "broker" / "messages"),
        "data_folder_out": str(HOME / "broker" / "messages"),
        "control_folder": str(HOME / "broker" / "control"),
        "polling_interval": 0.1,
    }
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TIMEZONE = "UTC"
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False  # on the filesystem broker it costs a poll of a folder ten times a second

# Who

AUTH_USER_MODEL = "workspaces.User"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
PASSWORD_RESET_TIMEOUT = 60 * 60 * 4

# Security. Behind a TLS proxy set SECURE=1 (docs/deploy.md).

SECURE = env.flag("SECURE")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
SECURE_SSL_REDIRECT = SECURE
SECURE_HSTS_SECONDS = 31_536_000 if SECURE else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = SECURE
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SECURE else None
PROXIES = env.number("PROXIES", 1 if SECURE else 0)  # whose word in X-Forwarded-For is believed
SESSION_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
CSRF_FAILURE_VIEW = "stratum.lib.errors.csrf_failure"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_500_000

# Language and time: instants are UTC; pages show the workspace's zone.

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True
USE_THOUSAND_SEPARATOR = True

# Files

STATIC_URL = "/static/"
STATIC_ROOT = HOME / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": HOME / "files"}},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = DEBUG
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = ("jpg", "jpeg", "png", "gif", "webp", "zip", "gz", "br", "woff", "woff2", "map")

# Calls to other systems

PIPEDRIVE_URL = env.text("PIPEDRIVE_URL")  # of a fake on this machine, instead of pipedrive.com
MAY_CALL_LOOPBACK = env.flag("MAY_CALL_LOOPBACK")  # for tests and vendors' fakes on this machine only

META_API_URL = env.text("META_API_URL", "https://graph.facebook.com/v26.0")
GOOGLE_ADS_API_URL = env.text("GOOGLE_ADS_API_URL", "https://googleads.googleapis.com/v26")
GOOGLE_TOKEN_URL = env.text("GOOGLE_TOKEN_URL", "https://oauth2.googleapis.com/token")

# Mail: printed to files until a server is named.

EMAIL_HOST = env.text("EMAIL_HOST")
EMAIL_PORT = env.number("EMAIL_PORT", 587)
EMAIL_HOST_USER = env.text("EMAIL_HOST_USER")
EMAIL_HOST_PASSWORD = env.text("EMAIL_HOST_PASSWORD")
EMAIL_USE_TLS = env.flag("EMAIL_USE_TLS", True)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "Stratum <noreply@localhost>")
EMAIL_BACKEND = (
    "django.core.mail.backends.smtp.EmailBackend" if EMAIL_HOST else "django.core.mail.backends.filebased.EmailBackend"
)
EMAIL_FILE_PATH = HOME / "mail"

# Help

SUPPORT_EMAIL = env.text("SUPPORT_EMAIL", "support@stratum.ai")
SUPPORT_HOURS = env.text("SUPPORT_HOURS", "Mon-Fri 09:00-17:00 Europe/Berlin")

# The API

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "stratum.workspaces.authentication.ApiKeyAuthentication",
        "stratum.workspaces.authentication.MemberAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["stratum.workspaces.authentication.HasRight"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "stratum.lib.problems.handler",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Stratum API",
    "DESCRIPTION": "Events, profiles and funnels. Errors are RFC 9457 problem+json.",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "FunnelModeEnum": ["ordered", "strict", "any_order"],
        "PipedriveDirectionEnum": ["both", "to_pipedrive", "from_pipedrive"],
        "PipedriveRunModeEnum": ["incremental", "full", "test"],
        "PipedriveSyncModeEnum": ["incremental", "full"],
        "TraitKindEnum": ["aggregation", "most_frequent", "first", "last", "unique_count", "unique_list", "ratio"],
        "AdEntityKindEnum": ["campaign", "adset", "creative"],
        "AdEntityStatusEnum": ["active", "paused", "removed"],
        "TraitStatusEnum": ["draft", "preparing", "computing", "live", "failed", "disabled"],
        "TraitFrequencyEnum": "cdp.definitions.traits.FREQUENCIES",
        "ActionStateEnum": "autopilot.states.VALUES",
        "ActionKindEnum": "autopilot.changes.PROPOSABLE",
        "PlatformValidationStatusEnum": ["verified", "checked_locally", "not_checked"],
        "JobStateEnum": "stratum.workspaces.models.Job.State",
        "DeliveryStateEnum": "stratum.reports.models.Delivery.State",
        "PipedriveRunStateEnum": "integrations.models.PipedriveRun.State",
        "DeliveryMessageStateEnum": "stratum.reports.models.DeliveryMessage.State",
        "ExportFormatEnum": "stratum.reports.models.Export.Format",
        "ScheduleFrequencyEnum": "stratum.reports.models.ExportSchedule.Frequency",
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "stratum.workspaces.schema.loosen",
        "stratum.workspaces.schema.describe_tags",
        "stratum.workspaces.schema.describe_problems",
    ],
}

METRICS_TOKEN = env.text("METRICS_TOKEN")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"},
        "json": {"()": "stratum.lib.logs.JsonLines"},
    },
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "json" if env.flag("LOG_JSON") else "line"}
    },
    "root": {"handlers": ["console"], "level": env.text("LOG_LEVEL", "INFO")},
    "loggers": {
        # It would log whole addresses, and those of webhooks are secrets.
        "urllib3": {"level": "INFO"},
        # kombu warns at every connection that filesystem:// names no host.
        **({"kombu.connection": {"level": "ERROR"}} if CELERY_BROKER_URL == "filesystem://" else {}),
    },
}
