"""Checks template.yaml with cfn-lint after the SAM transform, in every Region that the documents name and in every
Region with Amazon Connect. In the untransformed template, cfn-lint does not check action names (finding
cfn-lint-no-action-names-under-sam).

    PYTHON judge.py FOLDER
    PYTHON: the interpreter of SAM's environment. FOLDER: the folder for the transformed templates.
"""
import copy
import json
import re
import subprocess
import sys
from pathlib import Path

import botocore.session

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / ".ci/judges"))
from transformed import transformed  # noqa: E402

FOLDER = Path(sys.argv[1])
REGION = re.compile(r"\b(?:af|ap|ca|cn|eu|il|me|mx|sa|us)(?:-gov)?-(?:central|north|south|east|west|northeast|northwest|southeast|southwest)-\d\b")
# The Regions that the documents call by a place name.
NAMES = {"Tokyo": "ap-northeast-1", "Osaka": "ap-northeast-3", "Seoul": "ap-northeast-2", "Frankfurt": "eu-central-1", "Virginia": "us-east-1"}
# The Region that docs/limits.md names as unsupported, and the only error that cfn-lint may report for this Region. This
# error is the reason why the Region is unsupported.
REFUSED = ("us-gov-west-1", "E3006", "AWS::Lambda::Url")
# Accepted reports of cfn-lint: the rule, a part of the message, and the reason for the exception.
EXCEPTIONS = [
    (
        "W3037",
        "'updateuserconfig' is not one of",
        "no published list has connect:UpdateUserConfig; the lists have only the older connect:UpdateUserPhoneConfig (finding connect-operations-without-an-action)",
    ),
    (
        "W3037",
        "'deleteallentitysessions' is not one of",
        "no published list has connect:DeleteAllEntitySessions (finding connect-operations-without-an-action)",
    ),
    (
        "W3037",
        "'listreplicationfindings' is not one of",
        "no published list has connect:ListReplicationFindings (finding connect-operations-without-an-action)",
    ),
    *(
        ("W3037", f"'{operation.lower()}' is not one of", f"no published list has connect:{operation} (2026-09)")
        for operation in [
            "CreateTestCase",
            "DeleteTestCase",
            "DescribeTestCase",
            "GetTestCaseExecutionSummary",
            "ListTestCaseExecutionRecords",
            "ListTestCaseExecutions",
            "ListTestCases",
            "StartTestCaseExecution",
            "UpdateTestCase",
        ]
    ),
]


def plant_an_action(template):
    policy = template["Resources"]["SyncUsersFunctionRole"]["Properties"]["Policies"][0]["PolicyDocument"]
    policy["Statement"][0]["Action"] = "dynamodb:UpdateItems"


def plant_a_property(template):
    template["Resources"]["Registry"]["Properties"]["BillingModus"] = "PAY_PER_REQUEST"


def plant_a_reference(template):
    template["Resources"]["EventBus"]["Properties"]["Name"] = {"Ref": "NoSuchParameter"}


# Faults that cfn-lint must detect, each with the rule that detects it.
FAULTS = {
    "an unknown action": (plant_an_action, "W3037"),
    "an unknown property": (plant_a_property, "E3002"),
    "a reference to an unknown resource": (plant_a_reference, "E1020"),
}


def named_regions():
    """The Regions named in README and docs/, in both languages."""
    files = [ROOT / "README.md", ROOT / "README.ja.md", *(ROOT / "docs").rglob("*.md")]
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    return {*REGION.findall(text), *(region for name, region in NAMES.items() if name in text)}


def linted(name, template, regions):
    """The errors and warnings of cfn-lint: rule, message, path."""
    file = FOLDER / f"{name}.json"
    file.write_text(json.dumps(template), encoding="utf-8")
    program = Path(sys.executable).with_name("cfn-lint")
    done = subprocess.run([program, "--format", "json", "--regions", *sorted(regions), "--", file], capture_output=True, text=True)
    if not done.stdout:
        sys.exit(f"FAILED: cfn-lint exited with {done.returncode}:\n{done.stderr}")
    path = lambda found: "/".join(map(str, found["Location"]["Path"] or []))  # noqa: E731
    return [(found["Rule"]["Id"], found["Message"], path(found)) for found in json.loads(done.stdout)]


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    template = transformed()
    regions = named_regions() | set(botocore.session.get_session().get_available_regions("connect"))
    disagreements, used = [], set()
    for rule, message, path in linted("transformed", template, regions - {REFUSED[0]}):
        excepted = next((one for one in EXCEPTIONS if one[0] == rule and one[1] in message), None)
        if excepted:
            used.add(excepted)
            print(f"excepted: {rule} at {path}: {excepted[2]}")
        else:
            disagreements.append(f"{rule} at {path}: {message[:300]}")
    disagreements += [f"UNUSED EXCEPTION: {one[0]} {one[1]}" for one in EXCEPTIONS if one not in used]

    region, wanted, kind = REFUSED
    refused = {(rule, kind in message) for rule, message, _ in linted("refused", template, {region}) if rule.startswith("E")}
    if refused != {(wanted, True)}:
        disagreements.append(f"according to docs/limits.md, {region} lacks only {kind}, but cfn-lint reports {refused}")

    faulty = copy.deepcopy(template)
    for plant, _ in FAULTS.values():
        plant(faulty)
    seen = {rule for rule, message, _ in linted("faulty", faulty, {"ap-northeast-1"}) if "updateuserconfig" not in message.split(" is not ")[0]}
    missed = [name for name, (_, rule) in FAULTS.items() if rule not in seen]
    for line in disagreements:
        print(f"DISAGREEMENT: {line}")
    for name in missed:
        print(f"MISSED: {name}")
    print(
        f"template: {len(template['Resources'])} resources in {len(regions - {region})} Regions ({len(named_regions())} named in the documents), rejected in {region} "
        f"as documented; {len(FAULTS) - len(missed)} of {len(FAULTS)} inserted faults detected; {len(disagreements)} disagreements"
    )
    sys.exit(1 if disagreements or missed else 0)


main()
