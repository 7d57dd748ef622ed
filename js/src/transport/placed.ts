//! Reads of a socket of Node, put where they are wanted: a large payload is read into
//! its own memory, and for a small read no memory of a whole one is looked for.
import { connect, type NetConnectOpts, type Socket } from 'node:net'

import { nextTick } from '../platform'
import { ROOM, type Roomy } from './room'

/** As much as Node reads at once. */
const WHOLE = 64 * 1024
/** Less than this is copied, which takes less time than memory for a whole read. */
const SMALL = 16 * 1024

/**
 * For the reads of all sockets: each is copied before the next one. Windows may read for
 * several sockets at the same time, and Deno and Bun have ways of their own.
 */
let shared: Buffer | undefined
const { deno, bun } = process.versions
const canPlace = process.platform !== 'win32' && deno === undefined && bun === undefined

/** Connects; each read is told by a `data` event, as always. */
export function connectPlaced(options: NetConnectOpts): Socket {
  if (!canPlace) return connect(options)
  /** Where the next read goes while much comes: handed on as it is. */
  let own: Buffer | undefined
  // It is asked for memory before it is there.
  let socket: (Socket & Roomy) | undefined
  socket = connect({
    ...options,
    onread: {
      buffer: () => socket?.[ROOM]?.() ?? own ?? (shared ??= Buffer.allocUnsafeSlow(WHOLE)),
      callback(length, bytes) {
        const read = (bytes as Buffer).subarray(0, length)
        const isSmall = length < SMALL
        const isCopied = bytes === shared || (bytes === own && isSmall)
        if (isSmall) own = undefined
        else if (own === undefined || bytes === own) own = Buffer.allocUnsafeSlow(WHOLE)
        try {
          socket!.emit('data', isCopied ? Buffer.from(read) : read)
        } catch (error) {
          // Thrown from here it would let the next read overwrite this one.
          nextTick(() => {
            throw error
          })
        }
        return true
      },
    },
  })
  return socket
}
