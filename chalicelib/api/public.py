"""What anybody may know about a program: its name, its rules in plain words, its rewards and tiers."""

from __future__ import annotations

from chalicelib.actions.admission import read_public
from chalicelib.api import answers
from chalicelib.api.door import Answer, Asked, Door
from chalicelib.api.present import closing
from chalicelib.domain.calendar import day_of, local_day
from chalicelib.pages import rules_text

door = Door(__name__)


@door.call(
    "GET",
    "/public/{program_id}",
    roles=(),
    summary="The program for shoppers, in the language that Accept-Language wants",
    answer=answers.PublicProgram,
)
def get_public_program(asked: Asked) -> Answer:
    program = read_public(asked.path["program_id"])
    locale = rules_text.choose(asked.headers.get("accept-language"), program.locales)
    today = day_of(local_day(asked.now, program.time_zone))
    body = answers.PublicProgram(
        program_id=program.program_id,
        name=program.name,
        currency=program.currency,
        locale=locale,
        direction="rtl" if locale.partition("-")[0] in rules_text.RIGHT_TO_LEFT else "ltr",
        rules=rules_text.rules(program, locale, today),
        rewards=[
            answers.PublicReward(reward.id, reward.name, reward.kind, reward.value, reward.points, reward.minimum_tier)
            for reward in program.rewards
            if reward.offered(today)
        ],
        tiers=[
            answers.PublicTier(level.id, level.name, level.threshold, level.percent, list(level.benefits))
            for level in (program.tiers.levels if program.tiers else [])
        ],
        program_closes=closing(program),
    )
    headers = {"Content-Language": locale, "Cache-Control": "public, max-age=60", "Vary": "Accept-Language"}
    return Answer(body=body, headers=headers)
