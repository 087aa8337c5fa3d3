"""Calls S3 by boto3: one JSON request a line on standard input, one JSON answer a line on standard output."""
import json
import re
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, ParamValidationError

client = boto3.client(
    "s3",
    config=Config(
        request_checksum_calculation="when_required",
        response_checksum_validation="when_supported",
    ),
)


def snake(name):
    return re.sub(r"(?<!^)(?=[A-Z][a-z])|(?<=[a-z])(?=[A-Z])", "_", name).lower()


def plain(value):
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items() if key != "ResponseMetadata"}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if hasattr(value, "read"):
        return value.read().decode()
    return value if isinstance(value, (str, int, float, bool)) or value is None else str(value)


for line in sys.stdin:
    request = json.loads(line)
    body = request["input"].get("Body")
    if isinstance(body, dict):
        request["input"]["Body"] = body["fill"].encode() * body["sizeBytes"]
    elif isinstance(body, str):
        request["input"]["Body"] = body.encode()
    try:
        output = getattr(client, snake(request["call"]))(**request["input"])
        answer = {"status": output["ResponseMetadata"]["HTTPStatusCode"], "output": plain(output)}
    except ClientError as error:
        answer = {
            "status": error.response["ResponseMetadata"]["HTTPStatusCode"],
            "code": error.response["Error"]["Code"],
            "message": error.response["Error"].get("Message", ""),
        }
    except ParamValidationError as error:
        answer = {"status": 0, "code": "ParamValidationError", "message": str(error)}
    print(json.dumps(answer), flush=True)
