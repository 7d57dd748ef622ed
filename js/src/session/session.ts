//! Where a session is kept that outlives the process, or the page.

/** Bytes that grow, and now and then are replaced as a whole. One client has it open at a time. */
export interface ISession {
  /** Opens it: all that is there. */
  open(): Promise<Uint8Array>
  /** Appends; when it resolves, the bytes are durable. */
  append(bytes: Uint8Array): Promise<void>
  /** Puts these bytes in the place of all. A crash leaves either the old ones or these. */
  replace(bytes: Uint8Array): Promise<void>
  /** Lets others open it. */
  close(): Promise<void>
}

/** Numbers of the core for what may go wrong. */
const FAILURES: Record<string, number> = {
  ENOSPC: 630,
  EDQUOT: 630,
  QuotaExceededError: 630,
  EROFS: 631,
  EACCES: 632,
  EPERM: 632,
  SESSION_CLOSED: 635,
}

const OTHER = 637

export function failureOfSession(error: unknown): number {
  const { code, name } = (error ?? {}) as { code?: string; name?: string }
  return FAILURES[code ?? ''] ?? FAILURES[name ?? ''] ?? OTHER
}
