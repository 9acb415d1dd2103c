"""What the demo shows, step by step. Nothing is claimed on the screen that has not been looked at."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

from botocore.config import Config

from sandbox import Sandbox
from scripts.demo import functions
from scripts.demo.compare import EXTRA, MISSING, Snapshot, differences
from scripts.demo.damage import Damage, damage
from scripts.demo.deployment import Deployment
from scripts.demo.failure import DemoFailed
from scripts.demo.functions import Answer, Event
from scripts.demo.items import item
from scripts.demo.report import Report
from scripts.demo.screen import Screen
from scripts.demo.tables import Table

__all__ = ["ITEMS_PER_TABLE", "Outcome", "Story"]

ITEMS_PER_TABLE = 2000
# What boto3 would check of each item, DynamoDB checks again; it takes as long as sending them.
WITHOUT_VALIDATION = Config(parameter_validation=False, retries={"total_max_attempts": 1}, read_timeout=300)
WRITES = {"BatchWriteItem", "DeleteItem", "PutItem", "TransactWriteItems", "UpdateItem"}


@dataclass(frozen=True)
class Outcome:
    """What was restored, and in how many seconds."""

    tables: int
    items: int
    restore_seconds: float


class Story:
    """The steps of the demo, in a sandbox into which an example is being applied, or has been.

    Every step raises DemoFailed where the product does not do what it promises.
    """

    def __init__(self, aws: Sandbox, deployment: Deployment, screen: Screen, items: int = ITEMS_PER_TABLE) -> None:
        self._aws = aws
        self._deployment = deployment
        self._screen = screen
        self._report = Report(screen)
        self._items = items
        self._original: dict[Table, Snapshot] = {}

    def tell(self) -> Outcome:
        """Tell all of it, from empty tables to the proof."""
        self.fill()
        self.wait_for_terraform()
        self.back_up()
        self.damage()
        self.dry_run()
        began = time.monotonic()
        answer = self.restore()
        seconds = time.monotonic() - began
        self.prove(answer)
        return Outcome(len(self._original), sum(map(len, self._original.values())), seconds)

    def fill(self) -> None:
        """Fill the tables and read them back: this is what they must be again in the end."""
        self._screen.step("Fill the tables, each as soon as Terraform has created it")
        self._screen.say(
            "S, N of 38 digits, B, BOOL, NULL, L, M, SS, NS and BS, nested ones, and attributes named B, M, S, Item. "
            "Each table with its items and its key:"
        )
        client = self._aws.client("dynamodb", config=WITHOUT_VALIDATION)
        for name in self._deployment.created("aws_dynamodb_table"):
            table = Table.of(client, name)
            table.change(put=[item(table.keys, number) for number in range(self._items)])
            self._original[table] = table.snapshot()
            keys = ", ".join(f"{attribute} ({kind})" for attribute, kind in table.keys)
            self._screen.row(name, f"{len(self._original[table])} items, {keys}")

    def wait_for_terraform(self) -> None:
        """Wait for the rest of the deployment."""
        self._screen.step("Wait for Terraform to end")
        creating = [address.rpartition("module.")[2] for address in self._deployment.creating()]
        if creating:
            self._screen.say(f"Still being created: {', '.join(creating)}.")
        if any("aws_s3_bucket_lifecycle_configuration" in address for address in creating):
            self._screen.say("The provider watches a new lifecycle configuration for 55 s before it trusts it.")
        self._screen.say(f"Apply complete: {self._deployment.wait()} resources.")

    def back_up(self) -> None:
        """Back up as the schedule does, and look at the manifest."""
        self._screen.step("Back up: start the state machine as the schedule does")
        state_machine = self._deployment.output("backup_state_machine_arn")
        event = functions.scheduled_event(self._aws.client("scheduler"), state_machine)
        self._screen.json("event", event)
        answer = functions.run_state_machine(self._aws.client("stepfunctions"), state_machine, event)
        self._report.answer(answer, "successful_exports", "total_items_exported")
        bucket, key = answer.body["s3_bucket"], answer.body["manifest_s3_key"]
        manifest = json.loads(self._aws.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())
        self._report.manifest(bucket, key, manifest)
        counted = {export["table_name"]: export["item_count"] for export in manifest["exports"]}
        for table, original in self._original.items():
            if counted.get(table.name) != len(original):
                raise DemoFailed(
                    f"The manifest counts {counted.get(table.name)} items of {table.name}, which has {len(original)}."
                )

    def damage(self) -> None:
        """Damage the tables, and see that the comparison finds each damaged item: else it would prove nothing."""
        self._screen.step("Damage the tables")
        for table, original in self._original.items():
            done = damage(table, len(original))
            found = [difference.what for difference in differences(original, table.snapshot())]
            missing, extra = found.count(MISSING), found.count(EXTRA)
            if done != Damage(missing, len(found) - missing - extra, extra):
                raise DemoFailed(f"The comparison does not see the damage that was done to {table.name}.")
            self._report.damage(table.name, done)
        self._screen.say(
            "Overwritten means: one byte, the last of 38 digits, a type, a member of a set, or the whole item."
        )

    def dry_run(self) -> None:
        """Validate everything, and see that nothing was written."""
        self._screen.step("Dry run of the restore: validate everything, write nothing")
        before = self._writes()
        answer = self._restore({"dry_run": True, "clear_existing_data": True})
        if answer.status != 200:
            raise DemoFailed(f"The dry run answered {answer.status}: {'; '.join(answer.complaints)}")
        written = self._writes() - before
        if written:
            raise DemoFailed(f"The dry run sent {written} writes to DynamoDB.")
        self._screen.say("DynamoDB has received no write meanwhile.")

    def restore(self) -> Answer:
        """Restore; whether it did what it answers is for `prove` to see."""
        self._screen.step("Restore: afterwards each table holds exactly the backup")
        return self._restore({"clear_existing_data": True})

    def prove(self, answer: Answer) -> None:
        """Compare every item with what it was before the backup, whatever the restore answered."""
        self._screen.step("Compare every item with what it was before the backup")
        wrong = 0
        for table, original in self._original.items():
            found = differences(original, table.snapshot())
            self._report.differences(table.name, len(original), found)
            wrong += len(found)
        if answer.status != 200:
            raise DemoFailed(f"The restore answered {answer.status}: {'; '.join(answer.complaints)}")
        if wrong:
            raise DemoFailed(f"The restore answered 200, but {wrong} items differ from what was backed up.")

    def _restore(self, event: Event) -> Answer:
        def announce(event: Event) -> None:
            self._screen.json("event", event)

        announce(event)
        name = self._deployment.output("restore_function")
        answer = functions.restore(self._aws.client("lambda"), name, event, announce)
        self._report.answer(answer, "successful_restores", "total_items_written")
        self._report.restored(answer)
        return answer

    def _writes(self) -> int:
        return sum(request.operation in WRITES for request in self._aws.requests.list("dynamodb"))
