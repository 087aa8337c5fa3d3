"""
moto's server, or its proxy, with what it lacks of AWS: it keeps EventBridge in a bucket's notifications and leaves it out
of its answer, it schedules and cancels the deletion of a key by its bare id only, and it forgets the isolation of a model.
It answers with a whole account at once, whatever is asked of it at the most.
Its proxy ends each connection after one answer without saying so, and leaves it open where it is TLS: clients wait for ever.
"""
import sys

from moto.core.responses import ActionResult
from moto.iam.responses import IamResponse
from moto.kms.models import KmsBackend
from moto.moto_proxy.proxy3 import ProxyRequestHandler
from moto.s3.responses import S3Response
from moto.sagemaker.responses import SageMakerResponse

answered = S3Response.get_bucket_notification


def with_events(self):
    kept = self.backend.get_bucket_notification_configuration(self.bucket_name)
    if kept is None or kept.event_bridge is None or kept.topic or kept.queue or kept.cloud_function:
        return answered(self)
    self.data["Action"] = "GetBucketNotificationConfiguration"
    return self.serialized(ActionResult({"EventBridgeConfiguration": {}}))


announced = ProxyRequestHandler.end_headers
finished = ProxyRequestHandler.finish


def saying_so(self):
    if self.command != "CONNECT":
        self.send_header("Connection", "close")
    announced(self)


def closing(self):
    finished(self)
    self.connection.close()


ProxyRequestHandler.end_headers = saying_so
ProxyRequestHandler.finish = closing


PAGES = ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")
LISTS = ("users", "groups", "roles", "managed_policies")


def in_pages(self):
    details = self.backend.get_account_authorization_details(self._get_param("Filter", []))
    entries = [(page, entry) for page, name in zip(PAGES, LISTS) for entry in details[name]]
    start = int(self._get_param("Marker") or 0)
    end = start + int(self._get_param("MaxItems") or 100)
    result = {page: [entry for one, entry in entries[start:end] if one == page] for page in PAGES}
    result["IsTruncated"] = end < len(entries)
    if result["IsTruncated"]:
        result["Marker"] = str(end)
    return ActionResult(result)


IamResponse.get_account_authorization_details = in_pages


def by_bare_id(method):
    return lambda self, key_id, *rest: method(self, key_id.split("/")[-1], *rest)


created = SageMakerResponse.create_model


def with_isolation(self):
    answer = created(self)
    model = self.sagemaker_backend.describe_model(self._get_param("ModelName"))
    model.enable_network_isolation = self._get_param("EnableNetworkIsolation") is True
    return answer


SageMakerResponse.create_model = with_isolation
S3Response.get_bucket_notification = with_events
for name in ("schedule_key_deletion", "cancel_key_deletion", "enable_key"):
    setattr(KmsBackend, name, by_bare_id(getattr(KmsBackend, name)))

if __name__ == "__main__":
    kind = sys.argv.pop(1)
    if kind == "proxy":
        from moto.proxy import main
    else:
        from moto.server import main
    sys.exit(main())
