"""Each service's own words: what a service is recorded to say that its model file doesn't.

Owns: a small table per service, looked up by `of`. Rule: only differences from `Words`' defaults stand here, each with
its source; when a newer model carries the fact, the line goes.
"""

from collections.abc import Mapping

import msgspec


class Words(msgspec.Struct, frozen=True):
    invalid: str = "ValidationException"
    """Code of a violated constraint."""
    show_value: bool = True
    """`Value 'x' at 'name' failed`, or only `Value at 'name' failed`."""
    missing: str = ""
    """Set where a missing parameter (`{}`) has its own text, and all other constraints are the service's to check."""
    unchecked: frozenset[str] = frozenset()
    """What the service answers in other words, so that it checks it itself: `Structure.Member` or `Shape.max`."""
    malformed: str = "SerializationException"
    """Code of a body that isn't JSON."""
    malformed_text: str = "{}"
    denied: str = "message"
    """How the text of AccessDeniedException is spelled, where the model doesn't have that error."""
    namespace: str = ""
    """Before the code in `__type`."""
    errors: Mapping[str, tuple[str, int]] = {}
    """Error shape -> (code in the query protocol, HTTP status), where the model lost them or the shape itself."""
    names: Mapping[str, tuple[str, ...]] = {}
    """Names in the query protocol that the model lost: list shape -> (element,), map shape -> (element, key, value)."""
    xml_namespace: str = ""
    statuses: Mapping[str, int] = {}
    """Operation -> the HTTP status of its success, where the model has another."""
    status_in_body: frozenset[str] = frozenset()
    """Output shapes whose status stands in the body as well."""
    roots: Mapping[str, str] = {}
    """Output shape -> the root of its document in XML, where that isn't the shape's name."""
    time: str = "iso8601"
    """How times are spelled in XML."""
    unknown_action: str = "Could not find operation {action} for version {version}"
    query_texts: Mapping[str, str] = {}
    """Error shape -> its text in the query protocol, where that is another one than in JSON."""
    path_member: str = ""
    """The member that the path of a query request stands for, when it isn't `/`; its own parameter wins."""


def of(service: str) -> Words:
    """The words of a service, by boto3's client name."""
    return _WORDS.get(service, _QUERY_WORDS if service in _QUERY_SERVICES else _DEFAULT)


def _legacy(status: int, *shapes: str) -> dict[str, tuple[str, int]]:
    return {shape: (f"AWS.SimpleQueueService.{shape}", status) for shape in shapes}


def _statuses(status: int, *codes: str) -> dict[str, tuple[str, int]]:
    return {code: (code, status) for code in codes}


_DEFAULT = Words()
_QUERY_WORDS = Words(invalid="ValidationError")
_QUERY_SERVICES = frozenset(
    {"sts", "sns", "cloudformation", "cloudwatch", "autoscaling", "elb", "elbv2", "rds", "redshift"}
)

# facts/lambda-api.md §5: an unknown runtime is an InvalidParameterValueException with a list of runtimes.
_LAMBDA = Words(
    unchecked=frozenset({"CreateFunctionRequest.Runtime", "UpdateFunctionConfigurationRequest.Runtime"}),
    malformed="InvalidRequestContentException",
    denied="Message",  # facts/iam.md §6
    malformed_text="Could not parse request body into json: {}",
    status_in_body=frozenset({"InvokeAsyncResponse"}),  # facts/lambda-api.md §2
)

# facts/cloudwatch.md §1: the code of validation errors; a name too long has a text of its own.
_LOGS = Words(invalid="InvalidParameterException", unchecked=frozenset({"LogGroupName.max", "LogStreamName.max"}))

# facts/apigateway.md §10: too large a message is a PayloadTooLargeException.
_CONNECTIONS = Words(unchecked=frozenset({"Data.max"}), denied="Message")

# facts/sqs.md §2. The model of 2026 speaks of JSON only; the query protocol is still served.
_SQS = Words(
    invalid="MissingParameter",
    missing="The request must contain the parameter {}.",
    namespace="com.amazonaws.sqs#",
    errors={
        "QueueDoesNotExist": ("AWS.SimpleQueueService.NonExistentQueue", 400),
        "QueueNameExists": ("QueueAlreadyExists", 400),
        "InvalidParameterValueException": ("InvalidParameterValue", 400),
        "MissingRequiredParameterException": ("MissingParameter", 400),
        "AccessDeniedException": ("AccessDenied", 403),
        "OverLimit": ("OverLimit", 403),
        "RequestThrottled": ("RequestThrottled", 403),
        "InvalidSecurity": ("InvalidSecurity", 403),
        "InvalidAddress": ("InvalidAddress", 404),
        "ResourceNotFoundException": ("ResourceNotFoundException", 404),
        "KmsAccessDenied": ("KMS.AccessDeniedException", 400),
        "KmsDisabled": ("KMS.DisabledException", 400),
        "KmsInvalidKeyUsage": ("KMS.InvalidKeyUsageException", 400),
        "KmsInvalidState": ("KMS.InvalidStateException", 400),
        "KmsNotFound": ("KMS.NotFoundException", 400),
        "KmsOptInRequired": ("KMS.OptInRequired", 400),
        "KmsThrottled": ("KMS.ThrottlingException", 400),
        **_legacy(403, "PurgeQueueInProgress"),
        **_legacy(400, "TooManyEntriesInBatchRequest", "EmptyBatchRequest", "BatchEntryIdsNotDistinct"),
        **_legacy(400, "InvalidBatchEntryId", "BatchRequestTooLong", "QueueDeletedRecently"),
        **_legacy(400, "MessageNotInflight", "UnsupportedOperation"),
    },
    names={
        "AWSAccountIdList": ("AWSAccountId",),
        "ActionNameList": ("ActionName",),
        "AttributeNameList": ("AttributeName",),
        "BatchResultErrorEntryList": ("BatchResultErrorEntry",),
        "BinaryList": ("BinaryListValue",),
        "ChangeMessageVisibilityBatchRequestEntryList": ("ChangeMessageVisibilityBatchRequestEntry",),
        "ChangeMessageVisibilityBatchResultEntryList": ("ChangeMessageVisibilityBatchResultEntry",),
        "DeleteMessageBatchRequestEntryList": ("DeleteMessageBatchRequestEntry",),
        "DeleteMessageBatchResultEntryList": ("DeleteMessageBatchResultEntry",),
        "ListMessageMoveTasksResultEntryList": ("ListMessageMoveTasksResultEntry",),
        "MessageAttributeNameList": ("MessageAttributeName",),
        "MessageBodyAttributeMap": ("MessageAttribute", "Name", "Value"),
        "MessageBodySystemAttributeMap": ("MessageSystemAttribute", "Name", "Value"),
        "MessageList": ("Message",),
        "MessageSystemAttributeList": ("MessageSystemAttributeName",),
        "MessageSystemAttributeMap": ("Attribute", "Name", "Value"),
        "QueueAttributeMap": ("Attribute", "Name", "Value"),
        "QueueUrlList": ("QueueUrl",),
        "SendMessageBatchRequestEntryList": ("SendMessageBatchRequestEntry",),
        "SendMessageBatchResultEntryList": ("SendMessageBatchResultEntry",),
        "StringList": ("StringListValue",),
        "TagKeyList": ("TagKey",),
        "TagMap": ("Tag", "Key", "Value"),
    },
    xml_namespace="http://queue.amazonaws.com/doc/2012-11-05/",
    unknown_action="The action {action} is not valid for this endpoint.",
    query_texts={"QueueDoesNotExist": "The specified queue does not exist for this wsdl version."},
    path_member="QueueUrl",
)

# facts/s3.md §1, §11: codes that the model doesn't have, by status; the roots of documents.
_S3 = Words(
    invalid="MalformedXML",
    missing="The XML you provided was not well-formed or did not validate against our published schema",
    malformed="MalformedXML",
    time="iso8601ms",
    errors={
        "SerializationException": ("InvalidArgument", 400),
        "UnknownOperationException": ("MethodNotAllowed", 405),
        "NotImplementedException": ("NotImplemented", 501),
        "InvalidSignatureException": ("SignatureDoesNotMatch", 403),
        **_statuses(304, "NotModified"),
        **_statuses(400, "AccessControlListNotSupported", "BadDigest", "BadRequest", "EntityTooLarge"),
        **_statuses(400, "EntityTooSmall"),
        **_statuses(400, "IllegalLocationConstraintException", "IllegalVersioningConfigurationException"),
        **_statuses(400, "IncompleteBody", "InvalidArgument", "InvalidBucketName", "InvalidBucketOwnerAWSAccountID"),
        **_statuses(400, "InvalidDigest", "InvalidEncryptionAlgorithmError", "InvalidLocationConstraint"),
        **_statuses(400, "InvalidPart"),
        **_statuses(400, "InvalidPartOrder", "InvalidStorageClass", "InvalidTag", "KeyTooLongError", "MalformedPolicy"),
        **_statuses(400, "MalformedXML", "MetadataTooLarge", "MissingSecurityHeader", "XAmzContentSHA256Mismatch"),
        **_statuses(400, "InvalidPolicyDocument", "MalformedTrailerError", "MalformedPOSTRequest"),
        **_statuses(400, "MaxPostPreDataLengthExceededError"),
        **_statuses(403, "AccessForbidden", "RequestTimeTooSkewed", "InvalidAccessKeyId"),
        **_statuses(404, "NoSuchTagSet", "NoSuchCORSConfiguration", "NoSuchLifecycleConfiguration"),
        **_statuses(404, "NoSuchWebsiteConfiguration", "NoSuchBucketPolicy", "NoSuchConfiguration", "NoSuchVersion"),
        **_statuses(404, "ReplicationConfigurationNotFoundError", "NoSuchPublicAccessBlockConfiguration"),
        **_statuses(404, "OwnershipControlsNotFoundError", "ObjectLockConfigurationNotFoundError"),
        **_statuses(404, "NoSuchObjectLockConfiguration"),
        **_statuses(405, "MethodNotAllowed"),
        **_statuses(409, "BucketNotEmpty", "InvalidBucketState", "ConditionalRequestConflict"),
        **_statuses(411, "MissingContentLength"),
        **_statuses(412, "PreconditionFailed"),
        **_statuses(416, "InvalidRange", "InvalidPartNumber"),
        **_statuses(501, "NotImplemented"),
        **_statuses(500, "InternalError"),
        **_statuses(503, "SlowDown", "ServiceUnavailable"),
    },
    statuses={"PutBucketTagging": 204, "PutBucketPolicy": 204},
    roots={
        "CompleteMultipartUploadOutput": "CompleteMultipartUploadResult",
        "CreateMultipartUploadOutput": "InitiateMultipartUploadResult",
        "DeleteObjectsOutput": "DeleteResult",
        "GetBucketAccelerateConfigurationOutput": "AccelerateConfiguration",
        "GetBucketAclOutput": "AccessControlPolicy",
        "GetBucketCorsOutput": "CORSConfiguration",
        "GetBucketLifecycleConfigurationOutput": "LifecycleConfiguration",
        "GetBucketLocationOutput": "LocationConstraint",
        "GetBucketLoggingOutput": "BucketLoggingStatus",
        "GetBucketRequestPaymentOutput": "RequestPaymentConfiguration",
        "GetBucketTaggingOutput": "Tagging",
        "GetBucketVersioningOutput": "VersioningConfiguration",
        "GetBucketWebsiteOutput": "WebsiteConfiguration",
        "GetObjectAclOutput": "AccessControlPolicy",
        "GetObjectAttributesOutput": "GetObjectAttributesResponse",
        "GetObjectTaggingOutput": "Tagging",
        "ListBucketsOutput": "ListAllMyBucketsResult",
        "ListMultipartUploadsOutput": "ListMultipartUploadsResult",
        "ListObjectVersionsOutput": "ListVersionsResult",
        "ListObjectsOutput": "ListBucketResult",
        "ListObjectsV2Output": "ListBucketResult",
        "ListPartsOutput": "ListPartsResult",
    },
    xml_namespace="http://s3.amazonaws.com/doc/2006-03-01/",
)

# The name of a repository has a text of its own.
_ECR = Words(
    invalid="InvalidParameterException",
    unchecked=frozenset({"CreateRepositoryRequest.repositoryName"}),
)

_WORDS: Mapping[str, Words] = {
    "apigatewaymanagementapi": _CONNECTIONS,
    "ecr": _ECR,
    "s3": _S3,
    "lambda": _LAMBDA,
    "logs": _LOGS,
    "sqs": _SQS,
    "dynamodb": Words(namespace="com.amazonaws.dynamodb.v20120810#"),
    "cloudwatch": Words(invalid="ValidationError", namespace="com.amazonaws.cloudwatch.v2010_08_01#"),
    "iam": Words(invalid="ValidationError", show_value=False),  # facts/iam.md §1
}
