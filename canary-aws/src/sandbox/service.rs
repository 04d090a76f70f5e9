//! The services, and the words in which each says the same things.

/// A service that is spoken here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Service {
    Iam,
    Sts,
    Sqs,
    Ssm,
    Secrets,
    Events,
    CloudTrail,
    S3,
    Ec2,
    Account,
}

/// How requests and answers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// A form in, XML out.
    Query,
    /// As Query, with EC2's frame.
    Ec2,
    /// JSON both ways, the operation in `X-Amz-Target`; for Account in the path.
    Json,
    /// Method and path.
    Rest,
}

/// Codes of a service.
pub(super) struct Words {
    pub(super) invalid: &'static str,
    pub(super) throttled: &'static str,
    pub(super) internal: &'static str,
    pub(super) denied: &'static str,
    pub(super) denied_status: u16,
    /// What CloudTrail says for `denied`, where it is another word.
    pub(super) denied_logged: Option<&'static str>,
    pub(super) unknown_key: &'static str,
    pub(super) unknown_key_status: u16,
    pub(super) expired: &'static str,
    pub(super) wrong_signature: &'static str,
    pub(super) unknown_operation: &'static str,
}

const QUERY: Words = Words {
    invalid: "ValidationError",
    throttled: "Throttling",
    internal: "ServiceFailure",
    denied: "AccessDenied",
    denied_status: 403,
    denied_logged: None,
    unknown_key: "InvalidClientTokenId",
    unknown_key_status: 403,
    expired: "ExpiredToken",
    wrong_signature: "SignatureDoesNotMatch",
    unknown_operation: "InvalidAction",
};

const JSON: Words = Words {
    invalid: "ValidationException",
    throttled: "ThrottlingException",
    internal: "InternalServerError",
    denied: "AccessDeniedException",
    denied_status: 400,
    denied_logged: Some("AccessDenied"),
    unknown_key: "UnrecognizedClientException",
    unknown_key_status: 400,
    expired: "ExpiredTokenException",
    wrong_signature: "InvalidSignatureException",
    unknown_operation: "UnknownOperationException",
};

const SQS: Words = Words {
    invalid: "InvalidParameterValue",
    throttled: "RequestThrottled",
    denied_status: 403,
    unknown_key: "InvalidClientTokenId",
    unknown_key_status: 403,
    ..JSON
};

const SECRETS: Words = Words {
    invalid: "InvalidParameterException",
    internal: "InternalServiceError",
    ..JSON
};

const S3: Words = Words {
    invalid: "InvalidArgument",
    throttled: "SlowDown",
    internal: "InternalError",
    unknown_operation: "NotImplemented",
    ..QUERY
};

const EC2: Words = Words {
    invalid: "InvalidParameterValue",
    throttled: "RequestLimitExceeded",
    internal: "InternalError",
    denied: "UnauthorizedOperation",
    denied_logged: Some("Client.UnauthorizedOperation"),
    unknown_key: "AuthFailure",
    wrong_signature: "AuthFailure",
    unknown_key_status: 401,
    ..QUERY
};

const ACCOUNT: Words = Words {
    throttled: "TooManyRequestsException",
    internal: "InternalServerException",
    denied_status: 403,
    unknown_key_status: 403,
    ..JSON
};

impl Service {
    /// By the service in the scope of a signature.
    pub(super) fn of_scope(name: &str) -> Option<Self> {
        Some(match name {
            "iam" => Self::Iam,
            "sts" => Self::Sts,
            "sqs" => Self::Sqs,
            "ssm" => Self::Ssm,
            "secretsmanager" => Self::Secrets,
            "events" => Self::Events,
            "cloudtrail" => Self::CloudTrail,
            "s3" => Self::S3,
            "ec2" => Self::Ec2,
            "account" => Self::Account,
            _ => return None,
        })
    }

    /// As in actions and ARNs.
    pub(super) fn prefix(self) -> &'static str {
        match self {
            Self::Iam => "iam",
            Self::Sts => "sts",
            Self::Sqs => "sqs",
            Self::Ssm => "ssm",
            Self::Secrets => "secretsmanager",
            Self::Events => "events",
            Self::CloudTrail => "cloudtrail",
            Self::S3 => "s3",
            Self::Ec2 => "ec2",
            Self::Account => "account",
        }
    }

    pub(super) fn protocol(self) -> Protocol {
        match self {
            Self::Iam | Self::Sts => Protocol::Query,
            Self::Ec2 => Protocol::Ec2,
            Self::S3 => Protocol::Rest,
            _ => Protocol::Json,
        }
    }

    pub(super) fn words(self) -> &'static Words {
        match self {
            Self::Iam | Self::Sts => &QUERY,
            Self::Sqs => &SQS,
            Self::Secrets => &SECRETS,
            Self::S3 => &S3,
            Self::Ec2 => &EC2,
            Self::Account => &ACCOUNT,
            Self::Ssm | Self::Events | Self::CloudTrail => &JSON,
        }
    }

    /// The namespace of its XML.
    pub(super) fn namespace(self) -> &'static str {
        match self {
            Self::Iam => "https://iam.amazonaws.com/doc/2010-05-08/",
            Self::Sts => "https://sts.amazonaws.com/doc/2011-06-15/",
            Self::Ec2 => "http://ec2.amazonaws.com/doc/2016-11-15/",
            _ => "http://s3.amazonaws.com/doc/2006-03-01/",
        }
    }
}
