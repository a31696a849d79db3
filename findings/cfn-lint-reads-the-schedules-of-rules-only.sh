#!/usr/bin/env bash
# cfn-lint validates schedule expressions of EventBridge rules, but not those of EventBridge Scheduler.
#
# version:  cfn-lint 1.58.0 (PyPI)
# expected: the cfn-lint rules E3027 and E3031 require that an expression in AWS::Events::Rule is a valid rate() or
#           cron(). In the same way, an expression in AWS::Scheduler::Schedule must be a valid rate(), cron() or at().
# seen:     "rate(1 days)" in an EventBridge rule is an error. "rate(1 fortnight)", "cron(0 8 * *)" and "every day" in a
#           schedule are accepted.
# matters:  the template passes the lint, and the deployment fails when CloudFormation creates the schedule.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check cfn-lint==1.58.0
rule() {
  printf '{"Resources":{"R":{"Type":"AWS::Events::Rule","Properties":{"ScheduleExpression":"%s"}}}}' "$1"
}
schedule() {
  printf '{"Resources":{"S":{"Type":"AWS::Scheduler::Schedule","Properties":{"ScheduleExpression":"%s","FlexibleTimeWindow":{"Mode":"OFF"},"Target":{"Arn":"arn:aws:lambda:us-east-1:111122223333:function:f","RoleArn":"arn:aws:iam::111122223333:role/r"}}}}}' "$1"
}
lint() {
  "$1" "$2" >"$work/template.json"
  found=$("$work/venv/bin/cfn-lint" --regions us-east-1 --format parseable "$work/template.json" 2>&1 | cut -d: -f6 | sort | paste -sd" ") || true
  echo "$1 $2: ${found:-passes}"
}
{
  lint rule "rate(1 days)"
  lint rule "every day"
  lint schedule "rate(1 fortnight)"
  lint schedule "cron(0 8 * *)"
  lint schedule "every day"
} >"$work/seen"
diff - "$work/seen" <<'SEEN'
rule rate(1 days): E3027
rule every day: E3027 E3031
schedule rate(1 fortnight): passes
schedule cron(0 8 * *): passes
schedule every day: passes
SEEN
cat "$work/seen"
