//! The one WebSocket of versions without `SocketTask`, whose events come to listeners of the
//! whole program.
import { EvenkeelError } from '../../errors'
import type { Api, SocketTask } from '../../platform/mini/api'

type Listeners = { [Name in 'onOpen' | 'onMessage' | 'onClose' | 'onError']?: Parameters<SocketTask[Name]>[0] }

interface Only {
  /** Of the connection that there is, or is being made. */
  now: Listeners | undefined
  /** A close that comes before is of the connection that was there before. */
  isOpen: boolean
}

const programs = new WeakMap<Api, Only>()

export function onlyTask(api: Api): SocketTask {
  const only = programs.get(api) ?? listen(api)
  if (only.now !== undefined) {
    const text = 'There is one WebSocket at a time in this version, and another client has it'
    throw new EvenkeelError(text, 'NOT_SUPPORTED')
  }
  const mine: Listeners = {}
  only.now = mine
  only.isOpen = false
  return {
    onOpen: (act) => void (mine.onOpen = act),
    onMessage: (act) => void (mine.onMessage = act),
    onClose: (act) => void (mine.onClose = act),
    onError: (act) => void (mine.onError = act),
    send: (sent) => api.sendSocketMessage!(sent),
    close(closing) {
      if (only.now === mine) only.now = undefined
      api.closeSocket!(closing)
    },
  }
}

/** Once, as each listener that is added stays. */
function listen(api: Api): Only {
  const only: Only = { now: undefined, isOpen: false }
  programs.set(api, only)
  if (api.onSocketOpen === undefined) throw new EvenkeelError('connectSocket gave no SocketTask', 'NOT_SUPPORTED')
  api.onSocketOpen(() => {
    only.isOpen = true
    only.now?.onOpen?.()
  })
  api.onSocketMessage!((message) => only.now?.onMessage?.(message))
  api.onSocketError!((failure) => only.now?.onError?.(failure))
  api.onSocketClose!((event) => {
    if (!only.isOpen) return
    const { now } = only
    only.isOpen = false
    only.now = undefined
    now?.onClose?.(event)
  })
  return only
}
