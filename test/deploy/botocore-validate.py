"""Reads calls as JSON lines {service, operation, input}; prints what botocore's own validator says of each, one a line."""
import json
import sys

import botocore.session
from botocore.validate import ParamValidator

session = botocore.session.get_session()
models = {}
for line in sys.stdin:
    call = json.loads(line)
    service = call["service"]
    if service not in models:
        models[service] = session.get_service_model(service)
    shape = models[service].operation_model(call["operation"]).input_shape
    report = ParamValidator().validate(call["input"], shape)
    print(json.dumps(report.generate_report()))
