"""template.yaml after the SAM transform, as CloudFormation deploys it. Resolves all intrinsic functions for one stack."""
import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUCKET = "artifacts-of-the-stack"
# The resource types for which `Ref` returns the ARN. For other types, `Ref` returns the name, and for queues the URL.
REF_IS_ARN = {"AWS::StepFunctions::StateMachine", "AWS::SNS::Topic", "AWS::SecretsManager::Secret", "AWS::IAM::ManagedPolicy"}
ARNS = {
    "AWS::CloudWatch::Alarm": "cloudwatch:{region}:{account}:alarm:{name}",
    "AWS::DynamoDB::Table": "dynamodb:{region}:{account}:table/{name}",
    "AWS::Events::EventBus": "events:{region}:{account}:event-bus/{name}",
    "AWS::Events::Rule": "events:{region}:{account}:rule/{bus}{name}",
    "AWS::IAM::Role": "iam::{account}:role{path}{name}",
    "AWS::KMS::Key": "kms:{region}:{account}:key/{name}",
    "AWS::Lambda::Function": "lambda:{region}:{account}:function:{name}",
    "AWS::Logs::LogGroup": "logs:{region}:{account}:log-group:{name}:*",
    "AWS::S3::Bucket": "s3:::{name}",
    "AWS::SQS::Queue": "sqs:{region}:{account}:{name}",
    "AWS::Scheduler::Schedule": "scheduler:{region}:{account}:schedule/{group}/{name}",
}
SPECIFIC = re.compile(r"\$\{([^!}][^}]*)\}")


def transformed():
    """The template after the SAM transform of AWS's library, with code in S3 and inline state machine definitions."""
    from samtranslator.public.translator import ManagedPolicyLoader
    from samtranslator.translator.transform import transform
    from samtranslator.yaml_helper import yaml_parse

    class Unnamed(ManagedPolicyLoader):
        """Replaces the IAM call with which SAM looks up managed policies by name. The template names none of them."""

        def __init__(self):
            pass

        def load(self):
            return {}

    template = yaml_parse((ROOT / "template.yaml").read_text(encoding="utf-8"))
    template["Globals"]["Function"]["CodeUri"] = f"s3://{BUCKET}/functions.zip"
    files = {}
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::Serverless::StateMachine":
            files[name] = ROOT / resource["Properties"]["DefinitionUri"]
            resource["Properties"]["DefinitionUri"] = f"s3://{BUCKET}/{files[name].name}"
    # The template is converted to JSON and back, because the library modifies its input and returns its own types.
    done = json.loads(json.dumps(transform(json.loads(json.dumps(template)), {}, Unnamed())))
    for name, file in files.items():
        properties = done["Resources"][name]["Properties"]
        del properties["DefinitionS3Location"]
        properties["Definition"] = json.loads(file.read_text(encoding="utf-8"))
    return done


class Stack:
    """The template with the parameters and physical names of one stack, as written by .ci/judges/record."""

    def __init__(self, template, stack):
        self.template, self.stack = template, stack
        self.pseudo = {
            "AWS::AccountId": stack["account"],
            "AWS::Partition": "aws",
            "AWS::Region": stack["region"],
            "AWS::StackName": stack["stack"],
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::NoValue": None,
        }

    def holds(self, condition):
        if isinstance(condition, str):
            return self.holds(self.template["Conditions"][condition])
        [(function, value)] = condition.items()
        if function == "Condition":
            return self.holds(value)
        if function == "Fn::Equals":
            return str(self.resolved(value[0])) == str(self.resolved(value[1]))
        if function == "Fn::Not":
            return not self.holds(value[0])
        return (all if function == "Fn::And" else any)(map(self.holds, value))

    def resolved(self, value):
        if isinstance(value, list):
            return [item for item in map(self.resolved, value) if item is not None]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            [(function, given)] = value.items()
            if function == "Ref":
                return self.ref(given)
            if function.startswith("Fn::"):
                return self.function(function, given)
        pairs = ((key, self.resolved(inner)) for key, inner in value.items())
        return {key: inner for key, inner in pairs if inner is not None}

    def function(self, name, given):
        if name == "Fn::GetAtt":
            return self.attribute(*(given if isinstance(given, list) else given.split(".", 1)))
        if name == "Fn::If":
            return self.resolved(given[1] if self.holds(given[0]) else given[2])
        if name == "Fn::Join":
            return given[0].join(map(str, self.resolved(given[1])))
        if name == "Fn::FindInMap":
            table, *keys = self.resolved(given)
            return self.template["Mappings"][table][str(keys[0])][keys[1]]
        if name == "Fn::Sub":
            text, own = given if isinstance(given, list) else (given, {})
            own = self.resolved(own)

            def value(match):
                name = match[1].strip()
                return str(own[name] if name in own else self.attribute(*name.split(".", 1)) if "." in name else self.ref(name))

            return SPECIFIC.sub(value, text).replace("${!", "${")
        raise SystemExit(f"the judges can't resolve {name}")

    def ref(self, name):
        if name in self.pseudo:
            return self.pseudo[name]
        if name in self.template["Parameters"]:
            return self.stack["parameters"][name]
        return self.stack["resources"][name]

    def attribute(self, name, attribute):
        physical = self.stack["resources"][name]
        resource = self.template["Resources"][name]
        kind, properties = resource["Type"], resource.get("Properties", {})
        last = re.split(r"[/:]", physical)[-1]
        if kind in REF_IS_ARN:
            return last if attribute in ("Name", "TopicName") else physical
        if attribute in ("QueueName", "Name"):
            return last
        if attribute == "FunctionUrl":
            return f"https://{name.lower()}.lambda-url.{self.stack['region']}.on.aws/"
        if attribute == "Arn":
            bus = properties.get("EventBusName")
            fields = {
                "bus": f"{self.resolved(bus)}/" if bus else "",
                "path": properties.get("Path", "/"),
                "group": self.resolved(properties.get("GroupName", "default")),
                # The `Ref` of a queue is its URL, which ends with the name. All other names are used unchanged, because
                # log group names contain slashes.
                "name": last if kind == "AWS::SQS::Queue" else physical,
            }
            return "arn:aws:" + ARNS[kind].format(region=self.stack["region"], account=self.stack["account"], **fields)
        raise SystemExit(f"the judges can't resolve {name}.{attribute} of {kind}")

    def resources(self):
        """All resources of the stack: type, resolved properties, Ref, and ARN if the type has one."""
        found = {}
        for name, resource in self.template["Resources"].items():
            if "Condition" in resource and not self.holds(resource["Condition"]):
                continue
            kind = resource["Type"]
            one = {"type": kind, "ref": self.ref(name), "properties": self.resolved(resource.get("Properties", {}))}
            if kind in ARNS or kind in REF_IS_ARN:
                one["arn"] = self.attribute(name, "Arn")
            found[name] = one
        return found
