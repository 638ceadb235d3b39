"""Who works here: people, workspaces, memberships, keys, and the jobs they start."""

import uuid
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models.functions import Lower


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: object) -> "User":
        user = self.model(email=email, **fields)
        user.set_password(password)
        user.save()
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: object) -> "User":
        return self.create_user(email, password, **{"is_staff": True, "is_superuser": True, **fields})

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email__iexact=username)


class User(AbstractBaseUser, PermissionsMixin):
    """A person, known by e-mail address."""

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120, blank=True)
    is_staff = models.BooleanField(default=False, help_text="May enter Django admin.")
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email_any_case")]

    def __str__(self) -> str:
        return self.name or self.email

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Whatever surface writes it, an address is kept in one case."""
        self.email = self.email.lower()
        super().save(*args, **kwargs)

    def get_full_name(self) -> str:
        return str(self)

    def get_short_name(self) -> str:
        return self.name.split(" ")[0] or self.email


class Workspace(models.Model):
    """A team's own room: every row of every other table belongs to exactly one."""

    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=120)
    plan = models.CharField(max_length=20, default="professional")
    features_until = models.JSONField(
        default=dict,
        blank=True,
        editable=False,
        help_text="Instants at which features that the plan lacks were had last.",
    )
    time_zone = models.CharField(max_length=64, default="UTC")
    currency = models.CharField(max_length=3, default="USD")
    default_country = models.CharField(max_length=2, default="US", help_text="For phone numbers without +prefix.")
    churn_days = models.PositiveSmallIntegerField(default=90, help_text="Days without purchase until churned.")
    holds_sample_data = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class Member(models.Model):
    """A user's place in a workspace; `role` is a name of roles.ROLES."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="members")
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10)
    joined_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "user"], name="one_membership")]

    def __str__(self) -> str:
        return f"{self.user} in {self.workspace}"


class Invitation(models.Model):
    """An open seat for an e-mail address; the token travels by mail and only its hash is kept."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="invitations")
    email = models.EmailField()
    role = models.CharField(max_length=10)
    token_hash = models.CharField(max_length=64, unique=True)
    invited_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "workspace", Lower("email"), condition=models.Q(accepted_at=None), name="one_open_invitation"
            )
        ]

    def __str__(self) -> str:
        return f"{self.email} to {self.workspace}"


class ApiKey(models.Model):
    """A program's key to /api/v1. Only an HMAC of the secret is stored."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=24, unique=True, help_text="The visible start of the key.")
    secret_hash = models.CharField(max_length=64)
    scopes = models.JSONField(default=list)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    rotated_at = models.DateTimeField(null=True, blank=True, help_text="When a successor was made.")

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class WriteKey(models.Model):
    """A source's key to the tracking API: it may ingest and nothing else."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="write_keys")
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=24, unique=True)
    secret_hash = models.CharField(max_length=64)
    client_side = models.BooleanField(default=False, help_text="Used in browsers and apps, whose clocks may be wrong.")
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class Job(models.Model):
    """Long work, visible while it runs. Written in the request's transaction, started after its commit."""

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        CANCELLED = "cancelled"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="jobs")
    kind = models.CharField(max_length=60, help_text="The name of the task.")
    arguments = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    done = models.PositiveBigIntegerField(default=0)
    total = models.PositiveBigIntegerField(default=0)
    message = models.CharField(max_length=300, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0, help_text="How often a worker began it.")
    result = models.JSONField(null=True, blank=True)
    error = models.TextField(blank=True)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["workspace", "kind", "-created_at"])]

    def __str__(self) -> str:
        return f"{self.kind} {self.state}"


class LoginFailures(models.Model):
    """Failed logins of an e-mail address from one network address, shared by all processes."""

    email = models.CharField(max_length=254)
    ip = models.GenericIPAddressField()
    failures = models.PositiveIntegerField(default=0)
    last_at = models.DateTimeField()
    locked_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["email", "ip"], name="one_row_of_failures")]
        verbose_name_plural = "login failures"

    def __str__(self) -> str:
        return f"{self.email} from {self.ip}"


class ApiUsage(models.Model):
    """Requests with API keys in one calendar month (UTC)."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="api_usage")
    month = models.DateField(help_text="Its first day.")
    requests = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "month"], name="one_row_of_usage")]
        verbose_name_plural = "API usage"

    def __str__(self) -> str:
        return f"{self.workspace} {self.month:%Y-%m}"


class KeyMinute(models.Model):
    """How many requests a key has made in the minute it used last."""

    api_key = models.OneToOneField(ApiKey, models.CASCADE, primary_key=True, related_name="+")
    minute = models.DateTimeField(help_text="Its beginning.")
    requests = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.minute:%H:%M} {self.requests}"


class KeptAnswer(models.Model):
    """What a POST with an Idempotency-Key was answered. Without a `status` it is being answered right now."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    caller = models.CharField(max_length=40, help_text="The API key or person who asked.")
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of method, address and body.")
    status = models.PositiveSmallIntegerField(null=True)
    content_type = models.CharField(max_length=100, blank=True)
    sealed_body = models.TextField(blank=True, help_text="Sealed: an answer may hold a secret.")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "caller", "key"], name="one_answer_a_key")]
        indexes = [models.Index(fields=["created_at"], name="answers_by_age")]

    def __str__(self) -> str:
        return f"{self.caller} {self.key}"


class TwoFactor(models.Model):
    """A person's second factor. It counts from `confirmed_at` on."""

    user = models.OneToOneField(User, models.CASCADE, primary_key=True, related_name="two_factor")
    sealed_secret = models.TextField()
    confirmed_at = models.DateTimeField(null=True)
    last_step = models.BigIntegerField(default=0, help_text="Of the code that was used last; no code works twice.")
    recovery_hashes = models.JSONField(default=list, help_text="Each code works once.")

    def __str__(self) -> str:
        return f"two-factor of {self.user}"


class SignIn(models.Model):
    """One sign-in, and the session it opened."""

    user = models.ForeignKey(User, models.CASCADE, related_name="sign_ins")
    session_key = models.CharField(max_length=40)
    at = models.DateTimeField()
    ip = models.GenericIPAddressField(null=True)
    agent = models.CharField(max_length=300, blank=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["user", "-at"], name="sign_ins_newest")]

    def __str__(self) -> str:
        return f"{self.user} {self.at:%Y-%m-%d %H:%M}"
