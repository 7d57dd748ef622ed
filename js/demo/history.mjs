// What has happened to one connection, as much as can be shown. Times are of Date.now().

const MOST_SPANS = 2_000
const MOST_PINGS = 4_000

export class History {
  /** Each state with its time; the last one lasts. */
  spans = []
  /** Each ping: when it was sent, and when the answer came. */
  pings = []
  /** How often a connection has been there again. */
  reconnects = 0
  unanswered = 0

  get state() {
    return this.spans.at(-1)
  }

  /** The states 'stopped' and 'closed' are no more than a halt to look at. */
  enter(state, at, cause) {
    const name = ['stopped', 'closed'].includes(state) ? 'halted' : state
    if (name !== 'online') this.giveUpPings()
    if (name === 'online' && this.spans.some((span) => span.name === 'online')) this.reconnects += 1
    this.spans.push({ name, at, cause })
    trim(this.spans, MOST_SPANS)
  }

  ping(at) {
    this.pings.push({ at, answeredAt: undefined, lost: false })
    trim(this.pings, MOST_PINGS)
  }

  pong(at) {
    const ping = this.pings.at(-1)
    if (ping !== undefined && ping.answeredAt === undefined && !ping.lost) ping.answeredAt = at
  }

  /** Their connection is over. */
  giveUpPings() {
    for (let index = this.pings.length - 1; index >= 0; index -= 1) {
      const ping = this.pings[index]
      if (ping.answeredAt !== undefined || ping.lost) return
      ping.lost = true
      this.unanswered += 1
    }
  }

  /** Milliseconds of the last answer; undefined if there was none. */
  get roundTrip() {
    const ping = this.pings.findLast((one) => one.answeredAt !== undefined)
    return ping && ping.answeredAt - ping.at
  }

  /** For those who cannot see the picture. */
  sentence(from, to) {
    const seconds = { online: 0, connecting: 0, waiting: 0, halted: 0 }
    this.spans.forEach((span, index) => {
      const end = this.spans[index + 1]?.at ?? to
      seconds[span.name] += Math.max(0, end - Math.max(span.at, from)) / 1000
    })
    const pings = this.pings.filter((ping) => ping.at >= from)
    const lost = pings.filter((ping) => ping.lost).length
    const parts = Object.entries(seconds).filter(([, time]) => time > 0)
    const states = parts.map(([name, time]) => `${name} ${Math.round(time)} s`).join(', ')
    return `${states || 'nothing yet'}; ${pings.length} pings, ${lost} of them without answer`
  }
}

function trim(list, most) {
  if (list.length > most) list.splice(0, list.length - most)
}
