"""A fast reviewer who calls the action directly: `python -m tests.e2e.people NAME FOLDER SEED`.

The file `allowed` in the folder has the number of answers that this person may give in total. Each
answer and its result are a line of another file, for the audit.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from random import Random

import django

from tests.e2e.load_reviewer import Answer, Question, answer_to

STALE = 8  # requests that are answered from one reading of the list


def allow(folder: Path, count: int) -> None:
    """Set the number of answers that each person may give in total."""
    fresh = folder / "allowed.new"
    fresh.write_text(str(count))
    fresh.rename(folder / "allowed")


def answers_of(folder: Path, name: str) -> list[Answer]:
    """Return what this person has sent so far."""
    path = folder / f"answers-{name}.jsonl"
    lines = path.read_text().split("\n")[:-1] if path.exists() else []
    return [Answer(**json.loads(line)) for line in lines]


def work(name: str, folder: Path, random: Random) -> None:
    """Read the list and answer, for ever. The list is soon stale, as on a screen."""
    from django.contrib.auth.models import User

    from workflows.models import InputRequest

    user = User.objects.get(username=name)
    given = 0
    with (folder / f"answers-{name}.jsonl").open("a") as file:
        while True:
            waiting = list(InputRequest.objects.visible_to(user).pending()[:40])
            random.shuffle(waiting)
            for request in waiting[:STALE]:
                while given >= int((folder / "allowed").read_text()):
                    time.sleep(0.01)
                claimed = (request.payload or {}).get("claimed")
                question = Question(str(request.pk), None if claimed is None else Decimal(claimed))
                answer = answer_to(question, name, f"{name} {given}", random)
                decide(user, answer)
                given += answer.acknowledged
                file.write(json.dumps(asdict(answer)) + "\n")
                file.flush()
            if not waiting:
                time.sleep(0.02)


def decide(user: object, answer: Answer) -> None:
    """Send an answer, and record its result as the status that a page would return."""
    from approvals import actions
    from approvals.errors import AlreadyAnswered, AnswerRefused

    try:
        actions.decide(user, answer.request, answer.said, source="test")  # type: ignore[arg-type]
        answer.status = 200
    except AlreadyAnswered as error:
        answer.status, answer.page = error.status, f"already answered by {error.by}"
    except AnswerRefused as error:
        answer.status, answer.page = error.status, str(error)


if __name__ == "__main__":
    django.setup()
    work(sys.argv[1], Path(sys.argv[2]), Random(sys.argv[3]))
