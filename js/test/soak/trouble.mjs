// A server whose connections end at random, in each way that a connection can end.
import { write } from '../harness.mjs'

/** What a connection may come to, by its probability. */
const ENDS = [
  [0.1, 'dropped at CONNECT'],
  [0.1, 'never answered'],
  [0.1, 'garbage'],
  [0.1, 'silent'],
  [0.6, 'dropped later'],
]

/**
 * A script for the server. `later` calls back some time after, `counts` says how many
 * connections came to what.
 */
export function troubled(roll, later, counts) {
  const fate = () => {
    let left = roll()
    return ENDS.find(([share]) => (left -= share) < 0)?.[1] ?? 'dropped later'
  }
  const speaks = (act) => (packet, peer) => {
    if (!peer.silent) act(packet, peer)
  }
  return {
    connect: (_, peer) => {
      const what = fate()
      counts[what] = (counts[what] ?? 0) + 1
      if (what === 'dropped at CONNECT') return peer.drop()
      if (what === 'never answered') return undefined
      if (what === 'garbage') return peer.socket.write(Buffer.from([0, 255, 255, 255, 255]))
      peer.silent = what === 'silent'
      peer.send(write.connack({ v5: peer.v5 }))
      if (what === 'dropped later') later(() => peer.drop())
      return undefined
    },
    publish: speaks(({ topic, payload, qos, id }, peer) => {
      if (qos === 1) peer.send(write.puback(id))
      if (qos === 2) peer.send(write.pubrec(id))
      peer.send(write.publish({ v5: peer.v5, topic, payload, qos, id }))
    }),
    pubrec: speaks(({ id }, peer) => peer.send(write.pubrel(id))),
    pubrel: speaks(({ id }, peer) => peer.send(write.pubcomp(id))),
    pingreq: speaks((_, peer) => peer.send(write.pingresp())),
    subscribe: speaks(({ id, filters }, peer) => peer.send(write.suback(id, filters.map(() => 0), { v5: peer.v5 }))),
  }
}

/** What an application has begun at most, so that no backlog grows. */
const MOST_OPEN = 20

/** What an application does: messages of every QoS, whose outcomes are counted. */
export function work(client, outcomes) {
  let number = 0
  let begun = 0
  client.subscribe('a', { qos: 2 })
  return () => {
    if (begun === MOST_OPEN) return
    begun += 1
    number += 1
    outcomes.begun += 1
    client.publish('a', `message ${number}`, { qos: number % 3 }, (error) => {
      begun -= 1
      const what = error ? (error.code ?? error.message) : 'delivered'
      outcomes[what] = (outcomes[what] ?? 0) + 1
    })
  }
}

/** Of all that was begun, what has no outcome yet. */
export function open({ begun, ...outcomes }) {
  return begun - Object.values(outcomes).reduce((sum, one) => sum + one, 0)
}
