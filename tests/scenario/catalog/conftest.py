"""The list is answered by the backup function, so it is tested on the backup's stage."""

from tests.scenario.backup.conftest import configure, stage

__all__ = ["configure", "stage"]
