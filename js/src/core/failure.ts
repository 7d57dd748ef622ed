//! How a stream has failed, as the core counts it.
import { Failure } from '../numbers'

/** Errors of sockets as the core counts them. */
export function failureOf(error: NodeJS.ErrnoException | undefined): number {
  const code = error?.code
  if (error === undefined) return Failure.Eof
  switch (code) {
    case 'ECONNRESET':
    case 'EPIPE':
      return Failure.Reset
    case 'ECONNREFUSED':
    case 'ENOENT':
      return Failure.Refused
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'EHOSTDOWN':
    case 'ENETDOWN':
      return Failure.Unreachable
    case 'ETIMEDOUT':
      return Failure.TimedOut
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return Failure.Resolve
    case 'CERT_NOT_YET_VALID':
      return Failure.CertificateNotYetValid
    case 'CERT_HAS_EXPIRED':
      return Failure.CertificateExpired
    default:
  }
  if (code !== undefined && REFUSED_CERTIFICATES.has(code)) return Failure.TlsRefused
  if (code?.startsWith('ERR_SSL') || code === 'EPROTO') return Failure.Tls
  return Failure.Other
}

const REFUSED_CERTIFICATES = new Set([
  'CERT_REJECTED',
  'CERT_REVOKED',
  'CERT_UNTRUSTED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])
