#!/usr/bin/env bash
# In a month without a 31st, aws-cron-parser runs a schedule for the 31st on the first or third day of the next month.
#
# version:  aws-cron-parser 1.1.12 (npm); pyawscron 1.0.7, aws-croniter 2.1.1 (PyPI)
# expected: three parsers that are made for the cron expressions of EventBridge return the same times. A month that does
#           not have the day is omitted, so `0 8 29 2 ? *` runs only in leap years.
# seen:     aws-cron-parser adds runs on 3 March and 1 May for the 31st, and on 1 March for 29 February. Its function
#           `prev` omits these runs for the 31st. pyawscron, a port of aws-cron-parser to Python, raises an error for
#           both expressions. aws-croniter returns the expected days. All three parsers evaluate `L` (the last day of a
#           month) correctly.
# matters:  a preview of a schedule fails or shows runs that never happen.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check pyawscron==1.0.7 aws-croniter==2.1.1
npm install --silent --no-audit --no-fund --prefix "$work" aws-cron-parser@1.1.12
cat >"$work/next.mjs" <<'NODE'
import parser from 'aws-cron-parser'

const days = (expression, step, from) => {
  const found = []
  const schedule = parser.parse(expression)
  for (let at = new Date(from); found.length < 5; found.push(at.toISOString().slice(0, 10))) at = step(schedule, at)
  return found.join(' ')
}
for (const expression of ['0 8 31 * ? *', '0 8 29 2 ? *', '0 8 L * ? *'])
  console.log(`aws-cron-parser ${expression}: ${days(expression, parser.next, '2027-01-01T00:00:00Z')}`)
console.log(`aws-cron-parser 0 8 31 * ? *, backwards: ${days('0 8 31 * ? *', parser.prev, '2027-09-01T00:00:00Z')}`)
NODE
{
  node "$work/next.mjs"
  "$work/venv/bin/python" - <<'PYTHON'
import datetime

from aws_croniter import AwsCroniter
from pyawscron import AWSCron

start = datetime.datetime(2027, 1, 1, tzinfo=datetime.timezone.utc)
for name, following in (
    ("pyawscron", lambda text: AWSCron.get_next_n_schedule(5, start, text)),
    ("aws-croniter", lambda text: AwsCroniter(text).get_next(start, 5)),
):
    for text in ("0 8 31 * ? *", "0 8 29 2 ? *", "0 8 L * ? *"):
        try:
            print(f"{name} {text}:", *(at.date() for at in following(text)))
        except ValueError as error:
            print(f"{name} {text}: ValueError, {error}")
PYTHON
} >"$work/seen"
diff - "$work/seen" <<'SEEN'
aws-cron-parser 0 8 31 * ? *: 2027-01-31 2027-03-03 2027-03-31 2027-05-01 2027-05-31
aws-cron-parser 0 8 29 2 ? *: 2027-03-01 2028-02-29 2029-03-01 2030-03-01 2031-03-01
aws-cron-parser 0 8 L * ? *: 2027-01-31 2027-02-28 2027-03-31 2027-04-30 2027-05-31
aws-cron-parser 0 8 31 * ? *, backwards: 2027-08-31 2027-07-31 2027-05-31 2027-03-31 2027-01-31
pyawscron 0 8 31 * ? *: ValueError, day is out of range for month
pyawscron 0 8 29 2 ? *: ValueError, day is out of range for month
pyawscron 0 8 L * ? *: 2027-01-31 2027-02-28 2027-03-31 2027-04-30 2027-05-31
aws-croniter 0 8 31 * ? *: 2027-01-31 2027-03-31 2027-05-31 2027-07-31 2027-08-31
aws-croniter 0 8 29 2 ? *: 2028-02-29 2032-02-29 2036-02-29 2040-02-29 2044-02-29
aws-croniter 0 8 L * ? *: 2027-01-31 2027-02-28 2027-03-31 2027-04-30 2027-05-31
SEEN
cat "$work/seen"
