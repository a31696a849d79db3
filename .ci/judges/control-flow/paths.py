"""Paths through the state machines that the recorded run does not take, with the task results that lead to these
paths."""
import copy

OK = {"Return": {}}
CHANGED_MEANWHILE = {"Throw": {"Error": "DynamoDB.ConditionalCheckFailedException", "Cause": "The conditional request failed"}}
FAILED = {"Throw": {"Error": "Boom", "Cause": "inserted by the judge"}}
HOLDER = "arn:aws:states:us-east-1:123456789012:execution:user-sync:other"
LEASE = {"Return": {"Item": {"instanceId": {"S": "i"}, "lease": {"S": HOLDER}}}}
ENDED = {"Return": {"Status": "FAILED"}}
RUNS = {"Return": {"Status": "RUNNING"}}
WAITING = {"digest": "d", "actions": 1, "reasons": ["r"], "users": [], "added": 0, "addedUsers": [], "until": "2026-12-03T00:00:00Z", "notify": True}

# Task results for the tasks that no recorded execution reaches.
UNRECORDED = {
    "ReadLease": [LEASE],
    "DescribeHolder": [ENDED],
    "RevokeLease": [OK],
    "TakeOverLease": [{"Return": {"Attributes": {"leaseNumber": {"N": "2"}}}}],
    "MarkDirty": [OK],
    "RenewLease": [OK],
    "ClearDirty": [{"Return": {"Attributes": {"leaseNumber": {"N": "2"}}}}],
    "StartGathering": [OK],
    "StopGathering": [OK],
    "ReleaseLease": [OK],
    "NotifyApprovalRequest": [OK],
    "ReleaseAnyway": [OK],
    "ReleaseAfterFailure": [OK],
    "UnlockPlanned": [OK],
    "DeleteUsers": [{"Return": {"status": "DONE", "openItems": []}}],
    "NotifyNumbers": [OK],
    "NotifyNeedsPerson": [OK],
    "SyncWaitingUsers": [{"Return": {"Output": {"status": "DONE", "counts": {"created": 1, "waitingForQuota": 0}}}}],
}


def answer(stubs, state, number=-1, **fields):
    """A recorded task result of a state, with changed fields."""
    found = copy.deepcopy(stubs[state][number])
    found["Return"].update(fields)
    return found


def first(state, *answers):
    """Returns a function that inserts task results before the recorded results of a state."""

    def change(stubs):
        stubs[state] = [*answers, *stubs[state]]

    return change


def all_of(*changes):
    def change(stubs):
        for one in changes:
            one(stubs)

    return change


def instead(state, *answers):
    def change(stubs):
        stubs[state] = list(answers)

    return change


def with_fields(state, before=False, **fields):
    """Returns a function that changes fields of a state's last result. With `before`, the last result stays unchanged,
    and the changed copy is inserted as the first result."""

    def change(stubs):
        new = answer(stubs, state, **fields)
        stubs[state] = [new, *stubs[state]] if before else [*stubs[state][:-1], new]

    return change


def nested(state, *where, **fields):
    """Returns a function that changes fields in a nested object of all recorded results of a state."""

    def change(stubs):
        for one in stubs[state]:
            place = one["Return"]
            for name in where:
                place = place[name]
            place.update(fields)

    return change


def one_quota(stubs):
    """Adds a sufficient quota on the number of users, so that waiting members can become users."""
    quotas = stubs["RequestQuotas"][-1]["Return"]["quotas"]
    quotas.append({**quotas[0], "code": "L-9A46857E", "status": "SUFFICIENT"})


# Each path is based on a recorded execution. Fields: the state machine, the name of the path, the tasks that the
# recorded execution must contain, additional input fields, and the function that changes the recorded task results.
PATHS = [
    ("user-sync", "a lease that a finished execution holds", {"SyncUsers"}, {}, first("AcquireLease", CHANGED_MEANWHILE)),
    (
        "user-sync",
        "a lease that a running execution holds",
        {"SyncUsers"},
        {"reason": "operator"},
        all_of(first("AcquireLease", CHANGED_MEANWHILE), instead("DescribeHolder", RUNS)),
    ),
    (
        "user-sync",
        "an urgent event while a running execution holds the lease",
        {"SyncUsers"},
        {"reason": "event", "urgent": True},
        all_of(first("AcquireLease", CHANGED_MEANWHILE), instead("DescribeHolder", RUNS)),
    ),
    (
        "user-sync",
        "an onboarding waits for the lease",
        {"SyncUsers"},
        {"reason": "onboarding"},
        all_of(first("AcquireLease", CHANGED_MEANWHILE, CHANGED_MEANWHILE), instead("DescribeHolder", RUNS)),
    ),
    (
        "user-sync",
        "an instance with a teardown in progress",
        {"SyncUsers"},
        {},
        all_of(
            first("AcquireLease", CHANGED_MEANWHILE),
            instead("ReadLease", {"Return": {"Item": {"instanceId": {"S": "i"}, "teardown": {"S": "x"}}}}),
        ),
    ),
    ("user-sync", "an instance that is not registered", {"SyncUsers"}, {}, all_of(first("AcquireLease", CHANGED_MEANWHILE), instead("ReadLease", OK))),
    (
        "user-sync",
        "a lease that was released meanwhile",
        {"SyncUsers"},
        {},
        all_of(first("AcquireLease", CHANGED_MEANWHILE), instead("ReadLease", {"Return": {"Item": {"instanceId": {"S": "i"}}}})),
    ),
    ("user-sync", "more work than one function run can do", {"SyncUsers"}, {}, with_fields("SyncUsers", True, status="MORE", carry={"page": 2})),
    ("user-sync", "an event during the last round", {"SyncUsers"}, {"reason": "schedule"}, first("ReleaseLease", CHANGED_MEANWHILE)),
    ("user-sync", "an event during each of 200 rounds", {"SyncUsers"}, {"reason": "event"}, instead("StopGathering", CHANGED_MEANWHILE)),
    ("user-sync", "a removed member during the last round", {"SyncUsers"}, {"reason": "event"}, first("StartGathering", CHANGED_MEANWHILE)),
    ("user-sync", "no event after the sync of an event", {"SyncUsers"}, {"reason": "event"}, lambda stubs: None),
    ("user-sync", "changes that wait for approval", {"SyncUsers"}, {}, with_fields("SyncUsers", status="UNSAFE_PLAN", reasons=["r"], waiting=WAITING)),
    (
        "user-sync",
        "changes for which approval is already requested",
        {"SyncUsers"},
        {},
        with_fields("SyncUsers", status="UNSAFE_PLAN", reasons=["r"], waiting={**WAITING, "notify": False}),
    ),
    (
        "user-sync",
        "a notification that fails",
        {"SyncUsers"},
        {},
        all_of(with_fields("SyncUsers", status="UNSAFE_PLAN", reasons=["r"], waiting=WAITING), instead("NotifyApprovalRequest", FAILED)),
    ),
    (
        "user-sync",
        "a lease that another execution has taken over",
        {"SyncUsers"},
        {},
        instead("SyncUsers", {"Throw": {"Error": "LeaseLost", "Cause": "inserted by the judge"}}),
    ),
    ("user-sync", "the function fails", {"SyncUsers"}, {}, instead("SyncUsers", FAILED)),
    ("user-sync", "an input with faults", {"SyncUsers"}, {"mode": "aply", "instanceID": "i"}, lambda stubs: None),
    ("teardown", "a plan that differs after the lock is acquired", {"MarkTeardown"}, {}, with_fields("PlanAgain", approved=False)),
    ("teardown", "a lease that a finished execution holds", {"MarkTeardown"}, {}, first("AcquireLease", CHANGED_MEANWHILE)),
    (
        "teardown",
        "a lease that a running execution holds",
        {"MarkTeardown"},
        {},
        all_of(first("AcquireLease", CHANGED_MEANWHILE), instead("DescribeHolder", RUNS)),
    ),
    ("teardown", "an alias that another execution is about to release", {"MarkTeardown"}, {}, with_fields("LockAlias", True, status="WAITING", waitSeconds=30)),
    ("teardown", "an alias that another execution does not release", {"MarkTeardown"}, {}, with_fields("LockAlias", status="TAKEN")),
    (
        "teardown",
        "more users than one function run can delete",
        {"MarkTeardown"},
        {},
        all_of(
            nested("PlanTeardown", "target", instance="keep", users="delete"),
            nested("PlanAgain", "target", instance="keep", users="delete"),
            instead("DeleteUsers", {"Return": {"status": "MORE", "openItems": []}}, {"Return": {"status": "DONE", "openItems": []}}),
        ),
    ),
    ("teardown", "an unknown value", {"MarkTeardown"}, {}, nested("PlanAgain", "target", instance="keep", users="shelve")),
    ("rotate-certificate", "an input with faults", {"RotateCertificate"}, {"force": "no"}, lambda stubs: None),
    (
        "rotate-certificate",
        "a rotation that needs an operator",
        {"RotateCertificate"},
        {},
        lambda stubs: stubs["RotateCertificate"][-1]["Return"]["instances"][0].update(status="NEEDS_PERSON", notice="do it"),
    ),
    (
        "rotate-certificate",
        "a rotation that failed",
        {"RotateCertificate"},
        {},
        lambda stubs: stubs["RotateCertificate"][-1]["Return"]["instances"][0].update(status="FAILED"),
    ),
    (
        "rotate-certificate",
        "a rotation that never finishes",
        {"RotateCertificate"},
        {},
        with_fields("RotateCertificate", waitSeconds=60),
    ),
    ("onboarding", "a message about the phone numbers", {"OrderNumbers"}, {}, with_fields("OrderNumbers", True, notify={"message": "news"}, pending=True, waitSeconds=5)),
    (
        "onboarding",
        "members who wait for a quota",
        {"OrderNumbers"},
        {},
        all_of(nested("SyncUsers", "Output", "counts", waitingForQuota=2), one_quota),
    ),
    ("onboarding", "a quota request on which AWS decides later", {"OrderNumbers"}, {}, with_fields("InstanceQuota", True, pending=True, status="PENDING", waitSeconds=60)),
    ("onboarding", "an alias that another execution is about to release", {"OrderNumbers"}, {}, with_fields("LockAlias", True, status="WAITING", waitSeconds=30)),
    ("onboarding", "an alias that another execution does not release", {"OrderNumbers"}, {}, with_fields("LockAlias", status="TAKEN")),
    (
        "onboarding",
        "phone numbers that a finished execution ordered",
        {"OrderNumbers"},
        {},
        with_fields("LockNumbers", True, status="WAITING", waitSeconds=40),
    ),
    ("onboarding", "phone numbers that another execution orders", {"OrderNumbers"}, {}, with_fields("LockNumbers", status="TAKEN")),
    (
        "onboarding",
        "no phone numbers",
        {"OrderNumbers"},
        {},
        nested("Preflight", "onboarding", phoneNumbers=[], telephony={"outboundToJapaneseMobiles": False}),
    ),
    ("onboarding", "a required item that failed", {"OrderNumbers"}, {}, with_fields("Report", failed=["numbers"])),
    ("drift", "an input with faults", {"DetectDrift"}, {"mend": "no"}, lambda stubs: None),
    ("drift", "an alias that another execution is about to release", {"LockAlias"}, {}, with_fields("LockAlias", True, status="WAITING", waitSeconds=30)),
]
# The name of the path for which faults are inserted into the definition that moto runs.
FAULTY = "user-sync, a lease that a finished execution holds"

TOO_LONG = "600 waits: the states are those of a single wait, followed by a comparison of numbers"
NOT_ENTERED = {("user-sync", "LeaseTakenTooLong"): TOO_LONG, ("teardown", "LeaseTakenTooLong"): TOO_LONG}
