//! Errors as EC2 names them, with the HTTP status that goes with the name.

use super::Xml;

/// The answer of an action: the children of its reply, or an error.
pub type Answer = Result<Xml, Ec2Error>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ec2Error {
    pub code: String,
    pub message: String,
}

impl Ec2Error {
    pub fn new(code: &str, message: impl Into<String>) -> Ec2Error {
        Ec2Error { code: code.to_owned(), message: message.into() }
    }

    pub fn invalid(message: impl Into<String>) -> Ec2Error {
        Ec2Error::new("InvalidParameterValue", message)
    }

    pub fn missing(parameter: &str) -> Ec2Error {
        Ec2Error::new("MissingParameter", format!("The request must contain the parameter {parameter}"))
    }

    /// EC2 can do it; this endpoint refuses plainly, instead of pretending.
    pub fn not_simulated(what: impl std::fmt::Display) -> Ec2Error {
        Ec2Error::new("UnsupportedOperation", format!("the local EC2 endpoint does not simulate {what}"))
    }

    pub fn status(&self) -> u16 {
        match self.code.as_str() {
            "RequestLimitExceeded" | "Unavailable" | "ServiceUnavailable" => 503,
            "InternalError" | "InternalFailure" | "InsufficientInstanceCapacity" => 500,
            "DryRunOperation" => 412,
            "UnauthorizedOperation" => 403,
            "AuthFailure" => 401,
            _ => 400,
        }
    }

    pub fn document(&self, request: &str) -> String {
        let error = Xml::new().text("Code", &self.code).text("Message", &self.message);
        let errors = Xml::new().node("Errors", Xml::new().node("Error", error)).text("RequestID", request);
        errors.document("Response", None)
    }
}
