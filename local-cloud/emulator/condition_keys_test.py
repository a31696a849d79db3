import unittest


class LeadingKeysTest(unittest.TestCase):
    def test_the_partition_key_of_each_item_of_a_request_is_returned(self):
        one, two = ({"instanceId": {"S": name}} for name in ("i", "alias#a"))
        for request, expected in [
            ({"TableName": "t", "Key": one}, ["i"]),
            ({"RequestItems": {"t": {"Keys": [one, two]}}}, ["i", "alias#a"]),
            ({"RequestItems": {"t": [{"DeleteRequest": {"Key": one}}]}}, []),
            ({"TableName": "t", "Key": {"partition": {"S": "p"}, "sort": {"S": "s"}}}, []),
            ({"TableName": "t", "Item": one}, []),
            ({"TableName": "t"}, []),
        ]:
            self.assertEqual(leading_keys(json.dumps(request)), expected, request)  # noqa: F821, defined in condition_keys.py
        self.assertEqual(leading_keys(b""), [])  # noqa: F821


class UpdatedAttributesTest(unittest.TestCase):
    def test_every_attribute_in_an_expression_and_the_key_are_returned(self):
        key = {"instanceId": {"S": "i"}}
        for update, condition, expected in [
            ("SET dirty = :yes, urgent = :yes", "lease = :sync AND attribute_not_exists(leaseRevokedAt)", ["dirty", "instanceId", "lease", "leaseRevokedAt", "urgent"]),
            ("SET #s = if_not_exists(since, :now) REMOVE a.b ADD n :one", None, ["a", "instanceId", "n", "since", "state"]),
        ]:
            request = {"Key": key, "UpdateExpression": update, "ConditionExpression": condition, "ExpressionAttributeNames": {"#s": "state"}}
            self.assertEqual(updated_attributes(json.dumps(request)), expected)  # noqa: F821, defined in condition_keys.py
        self.assertEqual(updated_attributes(json.dumps({"Key": key})), [])  # noqa: F821


unittest.main(argv=["condition_keys_test"])
