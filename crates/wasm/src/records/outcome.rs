//! How operations ended.

use alloc::string::ToString;
use alloc::vec::Vec;

use evenkeel_codec::ReasonCode;
use evenkeel_proto::{Answer, Completion, Delivered, DeliveryError, SubscribeError, Token};

use super::{Records, kind, length};
use crate::arguments::NONE;

pub(crate) fn completion(records: &mut Records<'_>, completion: &Completion) {
    match completion {
        Completion::Publish { token, result } => published(records, *token, result),
        Completion::Subscribe { token, result } => {
            codes(records, kind::SUBSCRIBED, *token, result);
        }
        Completion::Unsubscribe { token, result } => {
            codes(records, kind::UNSUBSCRIBED, *token, result);
        }
        Completion::Answered { token, answer } => answered(records, Some(*token), answer),
        // None of these was asked for.
        _ => {}
    }
}

/// A message of QoS 0: the transport took it, or is gone.
pub(crate) fn settled(records: &mut Records<'_>, token: Token, written: bool) {
    let delivered =
        Delivered { reason: ReasonCode::SUCCESS, packet_id: None, attempts: 1, round_trip: None };
    let result = if written { Ok(delivered) } else { Err(DeliveryError::ConnectionLost) };
    published(records, token, &result);
}

fn published(records: &mut Records<'_>, token: Token, result: &Result<Delivered, DeliveryError>) {
    let text = result.as_ref().err().map(ToString::to_string).unwrap_or_default();
    records.put(kind::PUBLISHED, |record| {
        let id = result.as_ref().ok().and_then(|delivered| delivered.packet_id);
        record.words([
            number(token),
            result.as_ref().err().map_or(0, |error| error.code().into()),
            reason(result).0.into(),
            id.map_or(0, |id| id.get().into()),
            attempts(result),
            length(text.len()),
        ]);
        record.bytes(text.as_bytes());
    });
}

const fn reason(result: &Result<Delivered, DeliveryError>) -> ReasonCode {
    match result {
        Ok(delivered) => delivered.reason,
        Err(
            DeliveryError::Refused { reason, .. }
            | DeliveryError::WrongAcknowledgement { reason, .. },
        ) => *reason,
        Err(_) => ReasonCode::SUCCESS,
    }
}

const fn attempts(result: &Result<Delivered, DeliveryError>) -> u32 {
    match result {
        Ok(delivered) => delivered.attempts,
        Err(
            DeliveryError::Refused { attempts, .. }
            | DeliveryError::WrongAcknowledgement { attempts, .. }
            | DeliveryError::Quarantined { attempts, .. }
            | DeliveryError::Abandoned { attempts }
            | DeliveryError::ConnectionRefused { attempts, .. }
            | DeliveryError::StillStored { attempts }
            | DeliveryError::Withdrawn { attempts }
            | DeliveryError::Uncertain { attempts },
        ) => *attempts,
        Err(_) => 0,
    }
}

fn codes(
    records: &mut Records<'_>,
    kind: u32,
    token: Token,
    result: &Result<Vec<ReasonCode>, SubscribeError>,
) {
    let text = result.as_ref().err().map(ToString::to_string).unwrap_or_default();
    let codes = result.as_deref().unwrap_or_default();
    records.put(kind, |record| {
        record.word(number(token));
        record.word(result.as_ref().err().map_or(0, |error| error.code().into()));
        record.count(codes.len());
        record.count(text.len());
        for code in codes {
            record.word(code.0.into());
        }
        record.bytes(text.as_bytes());
    });
}

pub(crate) fn answered(records: &mut Records<'_>, token: Option<Token>, answer: &Answer) {
    records.put(kind::ANSWERED, |record| {
        record.word(token.map_or(NONE, number));
        record.word(answer.packet_type as u32);
        record.word(answer.packet_id.get().into());
        record.word(answer.reason.map_or(NONE, |reason| reason.0.into()));
        record.count(answer.properties.encoded_len());
        record.encode(|out| answer.properties.to_wire(out));
    });
}

/// It was given as one of four bytes.
fn number(token: Token) -> u32 {
    u32::try_from(token.0).unwrap_or(NONE)
}
