//! The HTTP API of devices and back ends (AWS IoT data plane, jobs data plane), up to what
//! a request asks for. The [`Emulator`](crate::emulator::Emulator) does it.

mod error;
mod parameters;
mod publish;
mod retained;
mod route;

use evenkeel_broker::core::{Date, HttpResponse};
use serde_json::Value;

use crate::Time;

pub(crate) use error::HttpError;
pub(crate) use parameters::{Parameters, next_token};
pub(crate) use publish::message;
pub(crate) use retained::{list_retained, whole};
pub(crate) use route::{Operation, operation};

/// What a request was answered, or why not.
pub(crate) type Outcome = Result<Value, HttpError>;

/// The answer as it goes to the client; `trace` names the request in logs.
pub(crate) fn response(time: Time, trace: &str, outcome: Outcome) -> HttpResponse {
    let mut headers = vec![
        ("content-type", "application/json".to_owned()),
        ("date", Date::of(time.unix).http()),
        ("x-amzn-requestid", trace.to_owned()),
    ];
    let (status, body) = match outcome {
        Ok(body) => (200, body),
        Err(error) => {
            headers.push(("x-amzn-errortype", error.kind.to_owned()));
            (error.status, error.body(trace))
        }
    };
    HttpResponse { status, headers, body: body.to_string().into_bytes() }
}
