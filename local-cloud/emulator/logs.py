"""Prints the functions' logs, oldest first, one line per event. Argument: the emulator's URL."""
import sys

import boto3

client = boto3.client("logs", endpoint_url=sys.argv[1])
events = []
for group in client.describe_log_groups()["logGroups"]:
    for page in client.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"]):
        for event in page["events"]:
            events.append((event["timestamp"], event.get("logStreamName", ""), event["message"].rstrip()))
for _, stream, message in sorted(events):
    print(stream, message)
