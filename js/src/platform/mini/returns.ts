//! When a mini program comes back from the background, where it stands still after a few
//! seconds, or when the network does.
import { alipay, weChat } from './api'

const listeners = new Set<() => void>()

export function watchReturn(onReturn: () => void): () => void {
  const api = alipay() ?? weChat()
  if (listeners.size === 0) {
    api?.onAppShow?.(tell)
    api?.onNetworkStatusChange?.(onNetwork)
  }
  listeners.add(onReturn)
  return () => {
    if (!listeners.delete(onReturn) || listeners.size > 0) return
    api?.offAppShow?.(tell)
    api?.offNetworkStatusChange?.(onNetwork)
  }
}

function tell(): void {
  for (const listener of [...listeners]) listener()
}

function onNetwork({ isConnected }: { isConnected: boolean }): void {
  if (isConnected) tell()
}
