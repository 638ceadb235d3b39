"""What the roof has to remember: which workers are alive."""

from django.db import models


class Pulse(models.Model):
    """The last sign of life of one worker. Its row goes when it ends in order, or a day after it was killed."""

    worker = models.CharField(max_length=255, primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.worker
