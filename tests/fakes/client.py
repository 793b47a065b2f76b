#!/usr/bin/env python3
"""Conversations with the peers, for peers-start.sh: client.py NAME. Needs botocore.

Every request is signed, and sent to where AWS_ENDPOINT_URL_SERVICE says.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request
from typing import Any

import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config

SESSION = botocore.session.Session()
TABLE = {
    "TableName": "machines",
    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    "BillingMode": "PAY_PER_REQUEST",
}
CREATE_SECONDS = 30.0


def client(service: str) -> Any:
    url = os.environ[f"AWS_ENDPOINT_URL_{service.upper()}"]
    return SESSION.create_client(service, endpoint_url=url, config=Config(read_timeout=30))


def raw(service: str, target: str, document: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """For parameters, and protocols, that an older botocore does not know."""
    url = os.environ[f"AWS_ENDPOINT_URL_{service.upper()}"] + "/"
    headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": target}
    request = AWSRequest("POST", url, headers, json.dumps(document).encode())
    SigV4Auth(SESSION.get_credentials(), service, os.environ["AWS_REGION"]).add_auth(request)
    prepared = request.prepare()
    sent = urllib.request.Request(url, prepared.body, dict(prepared.headers), method="POST")
    try:
        with urllib.request.urlopen(sent) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def claim(run: str) -> tuple[int, dict[str, Any]]:
    return raw("dynamodb", "DynamoDB_20120810.UpdateItem", {
        "TableName": "machines",
        "Key": {"pk": {"S": "i-1"}},
        "UpdateExpression": "SET st = :claimed, run = :run, ep = ep + :one",
        "ConditionExpression": "st = :idle AND ep = :ep",
        "ExpressionAttributeValues": {
            ":claimed": {"S": "claimed"}, ":run": {"S": run}, ":one": {"N": "1"},
            ":idle": {"S": "idle"}, ":ep": {"N": "1"},
        },
        "ReturnValues": "ALL_NEW",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    })


def make_table() -> None:
    dynamodb = client("dynamodb")
    dynamodb.create_table(**TABLE)
    until = time.monotonic() + CREATE_SECONDS
    while dynamodb.describe_table(TableName="machines")["Table"]["TableStatus"] != "ACTIVE":
        assert time.monotonic() < until, "the table does not become active"
        time.sleep(0.05)
    item = {"pk": {"S": "i-1"}, "st": {"S": "idle"}, "ep": {"N": "1"}, "run": {"S": ""}}
    dynamodb.put_item(TableName="machines", Item=item)


def table() -> None:
    """One claim wins, and the next one does not."""
    make_table()
    status, won = claim("run-1")
    assert status == 200 and won["Attributes"]["run"] == {"S": "run-1"}, won
    assert won["Attributes"]["ep"] == {"N": "2"}, won
    status, lost = claim("run-2")
    assert status == 400, lost
    assert lost["__type"].endswith("#ConditionalCheckFailedException"), lost


def loser() -> None:
    """Of the table that table() left: who loses learns who has won."""
    _, lost = claim("run-3")
    assert lost["Item"]["run"] == {"S": "run-1"}, lost


def queue() -> None:
    """A message is sent, received, and gone when it is deleted."""

    def ask(action: str, **document: Any) -> dict[str, Any]:
        status, answer = raw("sqs", f"AmazonSQS.{action}", document)
        assert status == 200, answer
        return answer

    url = ask("CreateQueue", QueueName="events")["QueueUrl"]
    ask("SendMessage", QueueUrl=url, MessageBody="hello")
    got = ask("ReceiveMessage", QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=5)
    assert [message["Body"] for message in got["Messages"]] == ["hello"], got
    assert "Messages" not in ask("ReceiveMessage", QueueUrl=url)
    ask("DeleteMessage", QueueUrl=url, ReceiptHandle=got["Messages"][0]["ReceiptHandle"])
    status, lost = raw("sqs", "AmazonSQS.ReceiveMessage", {"QueueUrl": url + "-nonesuch"})
    assert status == 400 and lost["__type"] == "com.amazonaws.sqs#QueueDoesNotExist", lost


def fleet() -> None:
    """Launches one instance, and prints its id."""
    ec2 = client("ec2")
    ec2.create_launch_template(
        LaunchTemplateName="paddock",
        LaunchTemplateData={"ImageId": "ami-1", "InstanceType": "r6i.large",
                            "IamInstanceProfile": {"Name": "agent"},
                            "InstanceInitiatedShutdownBehavior": "terminate"},
    )
    made = ec2.create_fleet(
        Type="instant", TargetCapacitySpecification={"TotalTargetCapacity": 1},
        LaunchTemplateConfigs=[{"LaunchTemplateSpecification": {
            "LaunchTemplateName": "paddock", "Version": "$Latest"}}],
    )
    print(made["Instances"][0]["InstanceIds"][0])


if __name__ == "__main__":
    {"table": table, "loser": loser, "queue": queue, "fleet": fleet}[sys.argv[1]]()
