"""The two workflows: *permit* (an authority decides within its term) and *filing* (completeness only, no decision).

Data and nothing else, after 行政许可法 arts 32, 42–45 for the permit and 道路运输条例 art 39 for the filing. Two things
are our own choice: who approves or revokes must not be who reviewed, and one may withdraw until the decision.
"""

from __future__ import annotations

from clients.matters.text import Text, text
from clients.matters.workflow import Actor, Clock, Effect, Move, NationalStatus, State, Workflow

APPLICANT: tuple[Actor, ...] = ("applicant",)
SYSTEM: tuple[Actor, ...] = ("system",)
OFFICER: tuple[Actor, ...] = ("officer",)
EITHER: tuple[Actor, ...] = ("system", "officer")


def _state(state_id: str, zh: str, en: str, national: NationalStatus | None, *, final: bool = False) -> State:
    return State(state_id, text(zh, en), national, final)


_LABELS: dict[str, Text] = {
    "submit": text("提交申请", "Submitted"),
    "delete": text("删除草稿", "Draft deleted"),
    "pre_check": text("自动预审", "Automatic check"),
    "hand_over": text("转工作人员核对", "Handed to an officer"),
    "accept": text("受理", "Accepted"),
    "lapse_to_accepted": text("逾期未告知，视为受理", "Accepted by lapse of time"),
    "require_correction": text("一次性告知补正", "Correction required, everything at once"),
    "refuse": text("不予受理", "Not accepted"),
    "resubmit": text("补正后提交", "Corrected and resubmitted"),
    "lapse_correction": text("逾期未补正，办结", "Closed: not corrected in time"),
    "withdraw": text("申请人撤回", "Withdrawn by the applicant"),
    "start_review": text("开始审查", "Review started"),
    "start_special_procedure": text("进入特别程序", "Special procedure started"),
    "end_special_procedure": text("特别程序结束", "Special procedure ended"),
    "extend": text("延长审查期限", "Time limit extended"),
    "approve": text("准予许可", "Approved"),
    "reject": text("不予许可", "Rejected"),
    "issue": text("制证", "Document issued"),
    "deliver": text("送达", "Delivered"),
    "close": text("办结", "Closed"),
    "evaluate": text("评价", "Evaluated"),
    "archive": text("归档", "Archived"),
    "file": text("备案", "Filed"),
    "revoke": text("撤销备案", "Filing revoked"),
}


def _move(
    event: str,
    source: str,
    target: str,
    actors: tuple[Actor, ...],
    *clocks: tuple[Clock, Effect],
    reason: bool = False,
    four_eyes: bool = False,
) -> Move:
    return Move(event, source, target, actors, _LABELS[event], reason, four_eyes, clocks)


_ARRIVAL_STATES = (
    _state("draft", "草稿", "Draft", None),
    _state("deleted", "已删除", "Deleted", None, final=True),
    _state("submitted", "已提交，待受理", "Submitted, waiting for acceptance", 1),
    _state("pre_check", "预审中", "Being checked", 1),
    _state("correction_required", "待补正", "Correction required", 1),
    _state("resubmitted", "已补正，待受理", "Corrected, waiting for acceptance", 1),
    _state("not_accepted", "不予受理", "Not accepted", 3),
    _state("withdrawn", "已撤回", "Withdrawn", 3, final=True),
    _state("closed", "已办结", "Closed", 3),
    _state("evaluated", "已评价", "Evaluated", 3),
    _state("archived", "已归档", "Archived", 3, final=True),
)


def _arrival(accepted: str, accept: str, *accepted_clocks: tuple[Clock, Effect]) -> tuple[Move, ...]:
    """The way from the form to `accepted`, the same in both profiles (许可法 32)."""
    stop: tuple[Clock, Effect] = ("acceptance", "stop")
    moves = [
        _move("delete", "draft", "deleted", APPLICANT),
        _move("submit", "draft", "submitted", APPLICANT, ("acceptance", "start")),
        _move("pre_check", "submitted", "pre_check", SYSTEM),
        _move("hand_over", "pre_check", "submitted", SYSTEM),
        # 32(1)(4): told everything once; whoever stays silent for the term has accepted from the day of receipt.
        _move(
            "resubmit", "correction_required", "resubmitted", APPLICANT, ("correction", "stop"), ("acceptance", "start")
        ),
        _move("lapse_correction", "correction_required", "closed", SYSTEM, ("correction", "stop")),
        _move("close", "not_accepted", "closed", EITHER),
        _move("evaluate", "closed", "evaluated", APPLICANT),
        _move("archive", "closed", "archived", EITHER),
        _move("archive", "evaluated", "archived", EITHER),
    ]
    for waiting in ("submitted", "resubmitted"):
        moves.append(_move("lapse_to_accepted", waiting, accepted, SYSTEM, stop, *accepted_clocks))
    for arriving, actors in (("submitted", OFFICER), ("pre_check", SYSTEM), ("resubmitted", EITHER)):
        moves += [
            _move(accept, arriving, accepted, actors, stop, *accepted_clocks),
            _move(
                "require_correction",
                arriving,
                "correction_required",
                actors,
                stop,
                ("correction", "start"),
                reason=True,
            ),
            _move("refuse", arriving, "not_accepted", actors, stop, reason=True),
        ]
    for waiting in ("submitted", "correction_required", "resubmitted"):
        moves.append(_move("withdraw", waiting, "withdrawn", APPLICANT, stop, ("correction", "stop")))
    return tuple(moves)


PERMIT = Workflow(
    states=(
        *_ARRIVAL_STATES,
        _state("accepted", "已受理", "Accepted", 2),
        _state("under_review", "审查中", "Under review", 2),
        _state("special_procedure", "特别程序", "Special procedure", 2),
        _state("approved", "准予许可", "Approved", 2),
        _state("rejected", "不予许可", "Rejected", 2),
        _state("issued", "已制证，待送达", "Document issued", 2),
        _state("delivered", "已送达", "Delivered", 3),
    ),
    moves=(
        *_arrival("accepted", "accept", ("decision", "start")),
        _move("start_review", "accepted", "under_review", EITHER),
        _move("withdraw", "accepted", "withdrawn", APPLICANT, ("decision", "stop")),
        _move("withdraw", "under_review", "withdrawn", APPLICANT, ("decision", "stop")),
        _move("withdraw", "special_procedure", "withdrawn", APPLICANT, ("decision", "stop")),
        # 许可法 45: inspection, hearing, test and expert review do not count; the applicant is told how long they take.
        _move("start_special_procedure", "under_review", "special_procedure", OFFICER, ("decision", "pause"),
              reason=True),
        _move("end_special_procedure", "special_procedure", "under_review", OFFICER, ("decision", "resume")),
        # 许可法 42: ten days more with the head's approval and a reasoned notice.
        _move("extend", "under_review", "under_review", OFFICER, reason=True, four_eyes=True),
        _move("approve", "under_review", "approved", OFFICER, ("decision", "stop"), ("delivery", "start"),
              four_eyes=True),
        _move("reject", "under_review", "rejected", OFFICER, ("decision", "stop"), ("delivery", "start"),
              reason=True, four_eyes=True),
        _move("issue", "approved", "issued", OFFICER),
        _move("deliver", "issued", "delivered", EITHER, ("delivery", "stop")),
        _move("close", "delivered", "closed", EITHER),
        _move("close", "rejected", "closed", EITHER, ("delivery", "stop")),
    ),
    initial="draft",
)  # fmt: skip

FILING = Workflow(
    states=(
        *_ARRIVAL_STATES,
        _state("filed", "已备案", "Filed", 2),
        _state("revoked", "备案已撤销", "Filing revoked", 3, final=True),
    ),
    moves=(
        *_arrival("filed", "file", ("delivery", "start")),
        _move("close", "filed", "closed", EITHER, ("delivery", "stop")),
        # A filing is never refused on its merits; a later inspection may end it.
        _move("revoke", "filed", "revoked", OFFICER, ("delivery", "stop"), reason=True, four_eyes=True),
    ),
    initial="draft",
)

WORKFLOWS: dict[str, Workflow] = {"permit": PERMIT, "filing": FILING}
ACCEPT_EVENT = {"permit": "accept", "filing": "file"}
ACCEPTED_STATE = {"permit": "accepted", "filing": "filed"}
